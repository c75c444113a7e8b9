//! `simulate`: a fleet in small, its picture, and small worlds.

use serde_json::Value;

use crate::run::{Ended, Room, dormouse, run};

fn simulate(args: &[&str]) -> Ended {
    let all = [&["simulate"], args].concat();
    run(&mut dormouse(&all))
}

fn objects(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const SMALL: [&str; 8] =
    ["--devices", "300", "--outage", "10s", "--accept-rate", "20", "--duration", "40s"];

#[test]
fn a_fleet_is_told_second_by_second_and_summed_up() {
    let args = [&SMALL[..], &["--json"]].concat();
    let ended = simulate(&args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stderr, "");
    let told = objects(&ended);
    for guards in ["on", "off"] {
        let of = |event: &str| {
            let wanted = |it: &&Value| it["event"] == event && it["guards"] == guards;
            told.iter().filter(wanted).collect::<Vec<_>>()
        };
        let seconds = of("second");
        assert_eq!(seconds.len(), 40);
        assert_eq!(seconds[5]["asleep"], 0);
        let [fleet] = of("fleet")[..] else { panic!("{told:?}") };
        assert_eq!(fleet["devices"], 300);
        let most = seconds[..10].iter().map(|it| it["connects"].as_u64().unwrap()).max();
        assert_eq!(fleet["peak_away"].as_u64(), most);
        let connects: u64 = seconds.iter().map(|it| it["connects"].as_u64().unwrap()).sum();
        let each = fleet["connects_per_device"].as_f64().unwrap();
        assert!((each - connects as f64 / 300.0).abs() < 1e-9, "{each}");
    }
    let last = |guards: &str| {
        let wanted = |it: &&Value| it["event"] == "fleet" && it["guards"] == guards;
        told.iter().find(wanted).unwrap().clone()
    };
    assert!(last("on")["back_ms"].is_u64(), "{}", last("on"));
    assert!(last("on")["peak_away"].as_u64() < last("off")["peak_away"].as_u64());
}

#[test]
fn people_get_a_chart_and_a_picture() {
    let room = Room::new();
    let picture = room.path("storm.svg");
    let args = [&SMALL[..], &["--svg", &picture]].concat();
    let ended = simulate(&args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = &ended.stdout;
    for words in [
        "300 devices, server away for 10s, then 20 connects a second",
        "guards on   at most ",
        "guards off  at most ",
        "connects a second, guards on",
        "devices asleep, guards off",
        "99 % are back after ",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(told.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "{told}");
    // No colour, and no progress bar, where there is no terminal.
    assert!(!told.contains('\x1b') && ended.stderr.is_empty(), "{ended:?}");

    let svg = std::fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
    for words in
        ["connects a second", "devices asleep", "guards on", "guards off", "#0072B2", "#D55E00"]
    {
        assert!(svg.contains(words), "{words}");
    }
    // One polyline for each curve, with a point for each second.
    let curves = svg.split("<polyline").filter(|it| it.matches(',').count() >= 40).count();
    assert_eq!(curves, 4, "{svg}");
}

#[test]
fn one_guard_setting_and_no_outage_are_a_story_too() {
    let args = ["--devices", "50", "--outage", "0", "--guards", "on", "--duration", "1m"];
    let ended = simulate(&args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("50 devices, no outage"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("guards off"), "{}", ended.stdout);
}

#[test]
fn small_worlds_keep_their_promises_and_run_again_alike() {
    let args = ["--chaos", "--seed", "5", "--runs", "10", "--json"];
    let first = simulate(&args);
    assert_eq!(first.code, Some(0), "{first:?}");
    let [chaos] = &objects(&first)[..] else { panic!("{first:?}") };
    assert_eq!((&chaos["event"], &chaos["runs"]), (&"chaos".into(), &10.into()));
    assert_eq!(chaos["broken"], 0);
    assert!(chaos["wakes"].as_u64().unwrap() > 10, "{chaos}");
    assert_eq!(objects(&simulate(&args))[0]["digest"], chaos["digest"]);

    // A single one is told line by line, and what is kept of it is what was named.
    let one = simulate(&["--chaos", "--seed", "5", "--devices", "2", "--only-devices", "1"]);
    assert_eq!(one.code, Some(0), "{one:?}");
    assert!(one.stdout.contains("\ndevice 1: ") && !one.stdout.contains("\ndevice 0: "));
    assert!(one.stdout.contains("all is well again"), "{}", one.stdout);
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    for args in [
        &["--devices", "0"][..],
        &["--accept-rate", "0"],
        &["--window", "wide"],
        &["--interval", "10ms"],
        &["--guards", "some"],
        &["--runs", "3"],
        &["--chaos", "--devices", "51"],
        &["--chaos", "--outage", "3s"],
        &["--chaos", "--only-lines", "x"],
    ] {
        let ended = simulate(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
    }
    let room = Room::new();
    let nowhere = room.path("no/such/directory.svg");
    let args = [&SMALL[..], &["--guards", "on", "--svg", &nowhere]].concat();
    let ended = simulate(&args);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("directory.svg"), "{}", ended.stderr);
}
