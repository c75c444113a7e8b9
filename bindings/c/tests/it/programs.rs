//! The programs in tests/c, each under everything that watches over memory; and what is installed, as C sees it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cc::{HERE, Under, compiler, installed, pkg_config, program, room, run, succeed};

fn source(name: &str) -> PathBuf {
    Path::new(HERE).join("tests/c").join(name)
}

fn vectors() -> Vec<PathBuf> {
    let folder = Path::new(HERE).join("../../testkit/vectors");
    let files = fs::read_dir(folder).expect("the vectors").map(|file| file.expect("a file").path());
    let mut vectors: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    vectors.sort();
    vectors
}

#[test]
fn every_vector_byte_for_byte() {
    let vectors = vectors();
    for under in Under::ALL {
        let player = program(&source("vectors.c"), &["json-c"], under);
        let output = succeed(run(&player, under).args(&vectors));
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(said.starts_with(&format!("{} vectors", vectors.len())), "{said}");
    }
}

#[test]
fn the_player_can_fail() {
    let vectors = vectors();
    let player = program(&source("vectors.c"), &["json-c"], Under::Nothing);
    let fails = |files: &[PathBuf], why: &str| {
        let output = run(&player, Under::Nothing).args(files).output().expect("the player");
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    };
    fails(&vectors[..89], "not all of them");
    // One digit of one action of one vector.
    let night = vectors.iter().find(|file| file.ends_with("every-guard-a-night.jsonl"));
    let night = fs::read_to_string(night.expect("it")).expect("its text");
    let wrong = room("wrong").join("wrong.jsonl");
    fs::write(&wrong, night.replacen("\"until\":30000", "\"until\":30001", 1)).expect("to write");
    fails(&[&vectors[..], std::slice::from_ref(&wrong)].concat(), "it has to be");
    let torn = night.trim_end();
    fs::write(&wrong, &torn[..torn.len() - 1]).expect("to write");
    fails(&[&vectors[..], &[wrong]].concat(), "torn off");
}

#[test]
fn a_caller_that_gets_everything_wrong() {
    for under in Under::ALL {
        let hostile = program(&source("hostile.c"), &[], under);
        succeed(&mut run(&hostile, under));
    }
}

#[test]
fn what_the_header_for_cpp_adds() {
    for under in Under::ALL {
        let types = program(&source("types.cpp"), &[], under);
        succeed(&mut run(&types, under));
    }
}

/// What this program has in place of the library's can only stand before a shared one. valgrind sees what is read and was
/// never written.
#[test]
fn what_the_header_for_cpp_makes_of_refusals() {
    let broken = program(&source("broken.cpp"), &[], Under::Valgrind);
    succeed(&mut run(&broken, Under::Valgrind));
}

#[test]
fn the_headers_stand_alone() {
    let room = room("alone");
    for (name, include, warning) in [
        ("h.c", "dormouse.h", "-Wstrict-prototypes"),
        ("h.cpp", "dormouse.h", "-Wconversion"),
        ("hpp.cpp", "dormouse.hpp", "-Wconversion"),
    ] {
        let file = room.join(name);
        let once = format!("#include <{include}>\n");
        fs::write(&file, format!("{once}{once}int main(void) {{ return 0; }}\n")).expect("a file");
        let flags = pkg_config(&["--cflags", "dormouse"]);
        succeed(compiler(&file).args(flags).args([warning, "-fsyntax-only"]));
    }
}

#[test]
fn the_shared_library_exports_the_header_and_nothing_else() {
    let library = installed().join("lib/libdormouse.so");
    let output = succeed(Command::new("nm").args(["-D", "--defined-only", "-P"]).arg(&library));
    let symbols = String::from_utf8(output.stdout).expect("UTF-8");
    let exported: BTreeSet<_> = symbols.lines().filter_map(|line| line.split(' ').next()).collect();
    let header = fs::read_to_string(installed().join("include/dormouse.h")).expect("the header");
    let declared: BTreeSet<_> = header
        .lines()
        .filter(|line| !line.starts_with("//") && !line.starts_with(" *"))
        // Only in wasm: see the header.
        .filter(|line| !line.contains("dormouse_alloc(") && !line.contains("dormouse_free("))
        .filter_map(|line| line.split('(').next()?.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("dormouse_"))
        .filter(|name| header.contains(&format!("{name}(")))
        .collect();
    assert!(declared.len() >= 30, "{declared:?}");
    assert_eq!(exported, declared);
    // By its SONAME it is found at run time.
    let soname = succeed(Command::new("readelf").arg("-d").arg(&library)).stdout;
    assert!(String::from_utf8_lossy(&soname).contains("[libdormouse.so.0.1]"));
    assert!(installed().join("lib/libdormouse.so.0.1").exists());
    assert_eq!(pkg_config(&["--modversion", "dormouse"]), [env!("CARGO_PKG_VERSION")]);
}
