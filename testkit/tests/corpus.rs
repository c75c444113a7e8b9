//! The committed corpus, played through the fuzz targets: what fuzzing once found out stays found out.
//!
//! `fuzz/corpus` holds what reaches the most with the least, `fuzz/regressions` each input that ever broke
//! something, by a name that says what. A finding is played by its path:
//!
//!     cargo test -p dormouse-testkit --test corpus -- --file fuzz/artifacts/machine/crash-…

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dormouse_testkit::fuzz::{TARGETS, Target, seeds};
use libtest_mimic::{Arguments, Failed, Trial};

/// All that is committed, in bytes: it is cloned by everybody.
const MOST: u64 = 768 * 1024;

fn main() {
    let mut arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--file") {
        return play_file(Path::new(arguments.get(at + 1).map_or("", String::as_str)));
    }
    let mut trials = vec![
        Trial::test("every target has its file and its corpus", || complete(&fuzz())),
        Trial::test("the corpus is small", || small(&fuzz())),
    ];
    for target in TARGETS {
        trials.push(Trial::test(target.name, move || play(target)));
    }
    libtest_mimic::run(&Arguments::from_iter(arguments.drain(..)), trials).exit();
}

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// Plays everything that is kept for a target, and what fuzzing begins with.
fn play(target: &Target) -> Result<(), Failed> {
    let mut broken = Vec::new();
    for (number, seed) in seeds(target.name).iter().enumerate() {
        if catch_unwind(AssertUnwindSafe(|| (target.run)(seed))).is_err() {
            broken.push(format!("seed {number}"));
        }
    }
    let kept = ["corpus", "regressions"].map(|kept| fuzz().join(kept).join(target.name));
    for path in kept.iter().flat_map(|kept| files(kept)) {
        let bytes = fs::read(&path)?;
        if catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes))).is_err() {
            broken.push(path.display().to_string());
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
}

/// Plays one file, through the target whose folder it is in.
fn play_file(path: &Path) {
    let folder = path.parent().and_then(Path::file_name);
    let target = TARGETS.iter().find(|target| Some(OsStr::new(target.name)) == folder);
    let target = target.unwrap_or_else(|| panic!("{} is in no target's folder", path.display()));
    // Cargo runs tests in the package's folder, and people give paths from the workspace's.
    let bytes = fs::read(path).or_else(|_| fs::read(Path::new("..").join(path)));
    (target.run)(&bytes.unwrap_or_else(|error| panic!("{}: {error}", path.display())));
}

fn complete(fuzz: &Path) -> Result<(), Failed> {
    let named: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let stems = files(&fuzz.join("fuzz_targets"));
    let stems = stems.iter().filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    assert_eq!(stems.collect::<BTreeSet<_>>(), named, "fuzz/fuzz_targets");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml"))?;
    for name in &named {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} in fuzz/Cargo.toml");
        let file = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs")))?;
        assert!(file.contains(&format!("play(\"{name}\", ")), "fuzz_targets/{name}.rs");
        assert!(files(&fuzz.join("corpus").join(name)).len() >= 10, "fuzz/corpus/{name}");
        assert!(seeds(name).len() >= 10, "the seeds of {name}");
    }
    Ok(())
}

fn small(fuzz: &Path) -> Result<(), Failed> {
    let mut bytes = 0;
    for target in TARGETS {
        for path in files(&fuzz.join("corpus").join(target.name)) {
            bytes += fs::metadata(path)?.len();
        }
    }
    if bytes <= MOST { Ok(()) } else { Err(format!("{bytes} bytes of {MOST}").into()) }
}

/// The files of a folder, in order; none where there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}
