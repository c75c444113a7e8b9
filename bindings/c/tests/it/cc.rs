//! From C to a program that runs: what is installed, a compiler, and what watches over memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, OnceLock, PoisonError};

pub(crate) const HERE: &str = env!("CARGO_MANIFEST_DIR");
/// Where all that the tests make is.
const ROOM: &str = env!("CARGO_TARGET_TMPDIR");

/// What is linked, and who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Under {
    /// The static library without std, and nobody.
    Nothing,
    /// The static library without std, under gcc's own sanitizers, for addresses and for what C leaves undefined.
    Sanitizers,
    /// The shared library, under valgrind, which also sees inside Rust.
    Valgrind,
}

impl Under {
    pub(crate) const ALL: [Self; 3] = [Self::Nothing, Self::Sanitizers, Self::Valgrind];
}

/// A place of one's own, empty.
pub(crate) fn room(name: &str) -> PathBuf {
    let room = Path::new(ROOM).join(name);
    let _ = fs::remove_dir_all(&room);
    fs::create_dir_all(&room).expect("a folder");
    room
}

/// Runs a command to its end, which has to be a good one.
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    output
}

/// The library as `make install` puts it, once for all tests.
pub(crate) fn installed() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        succeed(Command::new("make").args(["-s", "-C", HERE, "tools"]));
        let prefix = room("installed");
        let mut make = Command::new("make");
        make.args(["-s", "-C", HERE, "install"]).arg(format!("PREFIX={}", prefix.display()));
        make.env("CARGO_TARGET_DIR", Path::new(ROOM).parent().expect("cargo's own"));
        // A make around these tests is none of its business.
        for variable in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CARGO_BUILD_TARGET"] {
            make.env_remove(variable);
        }
        succeed(&mut make);
        prefix
    })
}

/// What pkg-config says of these packages, ours among them.
pub(crate) fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.args(arguments).env("PKG_CONFIG_PATH", installed().join("lib/pkgconfig"));
    let output = succeed(&mut command);
    let flags = String::from_utf8(output.stdout).expect("UTF-8");
    flags.split_whitespace().map(str::to_owned).collect()
}

/// A compiler for this file, with all warnings as errors: C99, or C++17 if it ends so.
pub(crate) fn compiler(source: &Path) -> Command {
    let cpp = source.extension().is_some_and(|extension| extension == "cpp");
    let (variable, name, standard) =
        if cpp { ("CXX", "c++", "-std=c++17") } else { ("CC", "cc", "-std=c99") };
    let mut command = Command::new(std::env::var_os(variable).unwrap_or(name.into()));
    command.args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic"]).arg(source);
    command
}

/// Compiles a program, once for all tests.
pub(crate) fn program(source: &Path, packages: &[&str], under: Under) -> PathBuf {
    static PROGRAMS: Mutex<BTreeMap<(PathBuf, Under), PathBuf>> = Mutex::new(BTreeMap::new());
    let mut programs = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (source.to_owned(), under);
    programs.entry(key).or_insert_with(|| compile(source, packages, under)).clone()
}

fn compile(source: &Path, packages: &[&str], under: Under) -> PathBuf {
    let stem = source.file_name().expect("a name").to_string_lossy();
    let program = room(&format!("{stem}-{under:?}")).join("program");
    let mut command = compiler(source);
    command.args(["-g", "-O1", "-o"]).arg(&program);
    let lib = installed().join("lib");
    match under {
        Under::Nothing => {}
        Under::Sanitizers => {
            command.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
        }
        Under::Valgrind => {
            command.arg(format!("-Wl,-rpath,{}", lib.display()));
            command.args(pkg_config(&["--cflags", "--libs", "dormouse"]));
        }
    }
    if !matches!(under, Under::Valgrind) {
        command.args(pkg_config(&["--cflags", "dormouse"])).arg(lib.join("libdormouse.a"));
    }
    if !packages.is_empty() {
        command.args(pkg_config(&[&["--cflags", "--libs"], packages].concat()));
    }
    succeed(command.arg("-lpthread"));
    program
}

/// A command that runs it. What watches over memory makes the exit code 99.
pub(crate) fn run(program: &Path, under: Under) -> Command {
    let mut command = match under {
        Under::Nothing | Under::Sanitizers => Command::new(program),
        Under::Valgrind => {
            let mut command = Command::new("valgrind");
            command.args(["--quiet", "--leak-check=full", "--error-exitcode=99"]).arg(program);
            command
        }
    };
    command.env("ASAN_OPTIONS", "exitcode=99:detect_leaks=1");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().to_ascii_uppercase().ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command
}
