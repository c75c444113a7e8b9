//! x
fn main() {
    let only = std::env::args().nth(1);
    for exploration in dormouse_testkit::explore::all() {
        if only.as_ref().is_some_and(|only| !exploration.name.starts_with(only)) {
            continue;
        }
        match exploration.run() {
            Ok(extent) => println!("{}: {extent}", exploration.name),
            Err(broken) => println!("{}: {broken}", exploration.name),
        }
    }
}
