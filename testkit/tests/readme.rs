//! The README's table is the catalogue.

#![allow(clippy::expect_used, reason = "a test may")]

use std::collections::HashSet;

use dormouse_testkit::scenario;

#[test]
fn the_table_in_the_readme_is_the_catalogue() {
    let readme = include_str!("../README.md");
    let (_, rest) = readme.split_once("<!-- catalogue -->\n").expect("where the table begins");
    let (table, _) = rest.split_once("<!-- /catalogue -->").expect("where the table ends");
    assert!(
        table == scenario::markdown(),
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
