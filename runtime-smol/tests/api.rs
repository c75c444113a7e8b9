//! The two adapters offer the same, word for word where it can be: their sources are read, and each
//! difference has to stand here with its reason. A method that one gains and the other lacks fails this.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use quote::{ToTokens, quote};
use syn::{Fields, ImplItem, Item, UseTree, Visibility};

/// What only `dormouse-tokio` has.
const TOKIO: &[(&str, &str)] =
    &[("impl Network for OwnNetwork: type Stream = Compat < TcpStream >", "tokio's socket")];

/// What only `dormouse-smol` has.
const SMOL: &[(&str, &str)] =
    &[("impl Network for OwnNetwork: type Stream = Async < TcpStream >", "smol's socket")];

/// Of `dormouse-tokio`, behind a feature: the transport over the HTTP client that many of its users have. There is
/// none that users of smol have.
const APART: &str = "client.rs";

/// Everything public in an adapter, with the names of its own parts, which begin with `own`, made equal.
fn surface(package: &str, own: &str) -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src");
    let mut files: Vec<_> = fs::read_dir(source)
        .expect("sources")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter(|path| !path.ends_with(APART))
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    let parsed: Vec<_> = files
        .iter()
        .map(|path| syn::parse_file(&fs::read_to_string(path).expect("text")).expect("Rust"))
        .collect();
    let mut names = BTreeSet::new();
    let mut found = BTreeSet::new();
    for item in parsed.iter().flat_map(|file| &file.items) {
        match item {
            Item::Use(item) if is_public(&item.vis) && !is_apart(&item.attrs) => {
                leaves(&item.tree, &mut names);
            }
            _ => {}
        }
    }
    found.extend(names.iter().map(|name| format!("use {name}")));
    names.insert("Watch".to_owned());
    for item in parsed.iter().flat_map(|file| &file.items) {
        describe(item, &names, &mut found);
    }
    let equal = |text: String| text.replace(own, "Own");
    found.into_iter().map(equal).collect()
}

/// Whether it is there only with the feature that [`APART`] is behind.
fn is_apart(attributes: &[syn::Attribute]) -> bool {
    let feature = quote!(#[cfg(feature = "reqwest")]).to_string();
    attributes.iter().any(|attribute| attribute.to_token_stream().to_string() == feature)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn leaves(tree: &UseTree, into: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, into),
        UseTree::Name(name) => drop(into.insert(name.ident.to_string())),
        UseTree::Rename(rename) => drop(into.insert(rename.rename.to_string())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, into)),
        _ => panic!("a public use of everything cannot be compared"),
    }
}

fn describe(item: &Item, names: &BTreeSet<String>, into: &mut BTreeSet<String>) {
    match item {
        Item::Fn(item) if is_public(&item.vis) => {
            let (name, signature) = (&item.sig.ident, signature(&item.sig));
            into.insert(format!("fn {name} {signature}"));
        }
        Item::Type(item) if is_public(&item.vis) => {
            let (name, generics, is) = (&item.ident, &item.generics, &item.ty);
            into.insert(format!("type {name} {}", quote!(#generics = #is)));
        }
        Item::Struct(item) if names.contains(&item.ident.to_string()) => {
            let name = &item.ident;
            for attribute in &item.attrs {
                if attribute.path().is_ident("derive") {
                    let each = |meta: syn::meta::ParseNestedMeta<'_>| {
                        let derived = meta.path.to_token_stream();
                        into.insert(format!("impl {derived} for {name}"));
                        Ok(())
                    };
                    attribute.parse_nested_meta(each).expect("a list");
                }
            }
            if let Fields::Named(fields) = &item.fields {
                let public = fields.named.iter().filter(|field| is_public(&field.vis));
                into.extend(public.map(|field| format!("{name}.{}", field.to_token_stream())));
            }
        }
        Item::Impl(item) => {
            let syn::Type::Path(own) = &*item.self_ty else { return };
            let own = own.path.segments.last().expect("a name").ident.to_string();
            if !names.contains(&own) {
                return;
            }
            let of = item.trait_.as_ref().map(|(path, _)| {
                let name = &path.segments.last().expect("a name").ident;
                format!("impl {name} for {own}")
            });
            into.extend(of.clone());
            for item in &item.items {
                match (item, &of) {
                    (ImplItem::Fn(method), None) if is_public(&method.vis) => {
                        let (name, signature) = (&method.sig.ident, signature(&method.sig));
                        let constant = method.sig.constness.map_or("", |_| "const ");
                        let asynchronous = method.sig.asyncness.map_or("", |_| "async ");
                        into.insert(format!("{constant}{asynchronous}{own}::{name} {signature}"));
                    }
                    (ImplItem::Type(item), Some(of)) => {
                        let (name, is) = (&item.ident, item.ty.to_token_stream());
                        into.insert(format!("{of}: type {name} = {is}"));
                    }
                    _ => {}
                }
            }
        }
        Item::Enum(item) => assert!(!is_public(&item.vis), "compare {} too", item.ident),
        Item::Trait(item) => assert!(!is_public(&item.vis), "compare {} too", item.ident),
        _ => {}
    }
}

/// What a caller sees of a function: not how its arguments are called inside.
fn signature(of: &syn::Signature) -> String {
    let (generics, inputs, output) = (&of.generics, &of.inputs, &of.output);
    let text = quote!(#generics (#inputs) #output).to_string();
    text.replace("mut self", "self").replace("& self", "&self").replace("&self", "& self")
}

#[test]
fn the_two_adapters_differ_in_what_stands_here_and_in_nothing_else() {
    let tokio = surface("runtime-tokio", "Tokio");
    let smol = surface("runtime-smol", "Smol");
    let common: Vec<_> = tokio.intersection(&smol).collect();
    assert!(common.len() > 30, "{common:#?}");
    let named = |table: &[(&str, &str)]| -> BTreeSet<String> {
        table.iter().map(|(what, _)| (*what).to_owned()).collect()
    };
    let only_tokio: BTreeSet<_> = tokio.difference(&smol).cloned().collect();
    let only_smol: BTreeSet<_> = smol.difference(&tokio).cloned().collect();
    assert_eq!(only_tokio, named(TOKIO), "only in dormouse-tokio");
    assert_eq!(only_smol, named(SMOL), "only in dormouse-smol");
    for (what, why) in TOKIO {
        println!("only dormouse-tokio: {what}: {why}");
    }
    for (what, why) in SMOL {
        println!("only dormouse-smol: {what}: {why}");
    }
}
