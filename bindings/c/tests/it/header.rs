//! The header that is committed is the one that the source has.

use std::fs;
use std::path::Path;

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/dormouse.h");

fn written() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("its settings");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in ["boundary", "code", "config", "action", "watch", "decoder", "memory"] {
        builder = builder.with_src(here.join("src").join(file).with_extension("rs"));
    }
    let mut header = Vec::new();
    builder.generate().expect("a header").write(&mut header);
    String::from_utf8(header).expect("UTF-8")
}

#[test]
fn the_header_is_the_one_that_the_source_has() {
    let written = written();
    if std::env::var_os("UPDATE_HEADER").is_some() {
        fs::write(HEADER, &written).expect("to write it");
    }
    let committed = fs::read_to_string(HEADER).expect("to read it");
    assert!(committed == written, "include/dormouse.h is not what src/ says: make header");
}

#[test]
fn every_function_of_the_source_is_in_it() {
    let header = fs::read_to_string(HEADER).expect("to read it");
    let mut functions = 0;
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).expect("src") {
        let source = fs::read_to_string(file.expect("a file").path()).expect("its text");
        for line in source.lines().filter(|line| line.contains("extern \"C\" fn dormouse_")) {
            let name = line.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            let name = name.expect("a name");
            assert!(header.contains(&format!("{name}(")), "{name}");
            functions += 1;
        }
    }
    assert!(functions >= 30, "only {functions} were found");
}
