//! Writes the seeds of every fuzz target into a folder of its own: where fuzzing begins, where there is no corpus.
//!
//!     cargo run -p dormouse-testkit --example seeds -- DIR

use std::path::PathBuf;
use std::{env, fs, io};

use dormouse_testkit::fuzz::{TARGETS, seeds};

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: seeds DIR");
        std::process::exit(2);
    };
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        let seeds = seeds(target.name);
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
        println!("{}: {} seeds", target.name, seeds.len());
    }
    Ok(())
}
