//! The README's table is the catalogue.

#![allow(clippy::expect_used, reason = "a test may")]

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use dormouse_testkit::{explore, fuzz, scenario};

const README: &str = include_str!("../README.md");
const PROTOCOL: &str = include_str!("../../docs/protocol.md");

#[test]
fn the_table_in_the_readme_is_the_catalogue() {
    assert!(
        part(README, "<!-- catalogue -->\n", "<!-- /catalogue -->") == scenario::markdown(),
        "README.md should hold what `dormouse-testkit list --markdown` prints"
    );
}

#[test]
fn every_scenario_says_what_it_is() {
    let mut names = HashSet::new();
    for scenario in scenario::all() {
        let name = scenario.name;
        assert!(names.insert(name), "{name} stands twice");
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{name}"
        );
        assert!(!scenario.story.is_empty() && !scenario.must.is_empty(), "{name}");
        assert!(!scenario.rows.is_empty(), "{name} exercises nothing");
        for text in [scenario.story, scenario.must].into_iter().chain(scenario.rows.iter().copied())
        {
            assert!(!text.contains('|') && !text.contains('\n'), "{name}: {text}");
        }
    }
}

#[test]
fn every_law_is_checked_in_three_ways_at_least() {
    let rows = table("laws");
    assert_eq!(rows.len(), 13);
    for (number, row) in (1..).zip(&rows) {
        assert!(row[0].starts_with(&format!("{number} ")), "{}", row[0]);
        let ways = row[1..].iter().filter(|cell| !cell.is_empty()).count();
        assert!(ways >= 3, "law {number} is checked in {ways} ways");
    }
}

#[test]
fn every_row_of_the_decisions_stands_in_the_table() {
    let stands: HashSet<String> = table("rows").into_iter().map(|row| row[0].clone()).collect();
    let decisions = part(PROTOCOL, "## 4. Decisions", "## 5. Guards");
    let (connect, watch) = decisions.split_once("A watch ends in one of").expect("two tables");
    let mut count = 0;
    for (table, kind) in [(connect, "connect"), (watch, "watch")] {
        for line in table.lines().filter(|line| line.starts_with("| ")).skip(2) {
            let row = line.split('|').nth(1).expect("a cell").trim();
            // What stands in brackets, or after a colon, are examples.
            let row = row.split(':').next().unwrap_or(row);
            let row = row.split_once(" (").map_or(row.to_owned(), |(before, after)| {
                before.to_owned() + after.split_once(')').map_or("", |(_, rest)| rest)
            });
            count += 1;
            assert!(stands.contains(&format!("4 {kind}: {row}")), "4 {kind}: {row}");
        }
    }
    assert_eq!(count, 15);
    for row in table("rows") {
        let ways = row[1..].iter().filter(|cell| !cell.is_empty()).count();
        assert!(ways >= 2, "{} is checked in {ways} ways", row[0]);
    }
}

#[test]
fn what_the_tables_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let explorations: HashSet<_> = explore::all().iter().map(|one| one.name).collect();
    let targets: HashSet<_> = fuzz::TARGETS.iter().map(|target| target.name).collect();
    let vector = |name: &str| root.join("vectors").join(format!("{name}.jsonl")).exists();
    let is_test = |name: &str| {
        let (file, test) = name.split_once("::")?;
        let path = match file {
            "bucket" => "../core/src/guard/bucket.rs".to_owned(),
            "sim" => "tests/sim.rs".to_owned(),
            file => format!("../core/tests/laws/{file}.rs"),
        };
        let source = fs::read_to_string(root.join(path)).ok()?;
        Some(source.contains(&format!("fn {test}(")))
    };
    let names = |cell: &str| -> Vec<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    for row in table("laws") {
        for name in [names(&row[1]), names(&row[3])].concat() {
            assert_eq!(is_test(&name), Some(true), "{}: {name}", row[0]);
        }
        for name in names(&row[2]) {
            assert!(explorations.contains(&*name), "{}: {name}", row[0]);
        }
        for name in names(&row[4]) {
            assert!(targets.contains(&*name), "{}: {name}", row[0]);
        }
        for name in names(&row[5]) {
            let file = root.join("..").join(&name).exists();
            assert!(
                scenario::named(&name).is_some() || vector(&name) || file,
                "{}: {name}",
                row[0]
            );
        }
    }
    for row in table("rows") {
        for name in names(&row[1]) {
            assert!(vector(&name), "{}: {name}", row[0]);
        }
        for name in names(&row[2]) {
            assert!(scenario::named(&name).is_some(), "{}: {name}", row[0]);
        }
        for name in names(&row[3]) {
            assert!(explorations.contains(&*name), "{}: {name}", row[0]);
        }
    }
}

fn part<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text.split_once(from).expect("where it begins");
    rest.split_once(to).expect("where it ends").0
}

/// The cells of a table's rows, without its head.
fn table(name: &str) -> Vec<Vec<String>> {
    part(README, &format!("<!-- {name} -->\n"), &format!("<!-- /{name} -->"))
        .lines()
        .skip(2)
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}
