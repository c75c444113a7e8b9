//! Journals: those that strangers hand in, and those of any run.

use arbitrary::Unstructured;
use dormouse_core::journal::{Header, Recorder, Replay, Step};
use dormouse_core::{Action, InputBuf, Timestamp, Token, Watch};

use super::plan::Plan;
use crate::laws::{Polls, resolve};

/// A file that somebody calls a journal. Reading it does no harm, whatever stands in it; and as far as it is one, it
/// can be recorded anew: what is veiled does the same, and is not changed by being veiled once more.
pub(super) fn journal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // A line without its end was torn off.
    let lines: Vec<&str> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
    let Some((first, rest)) = lines.split_first() else { return };
    let Ok(mut replay) = Replay::new(first).map_err(|error| error.to_string()) else { return };
    let mut recording = Recording::of(replay.header());
    for line in rest {
        let before = replay.watch().clone();
        match replay.line(line) {
            Ok(Step::Input { at, input, .. }) => recording.input(&before, at, &input),
            Ok(Step::Action(action)) => recording.0.action(&action),
            Ok(_) => {}
            Err(error) => {
                assert!(!error.to_string().is_empty());
                // What comes after is worth nothing, and harms nobody.
                for line in rest {
                    let _ = replay.line(line);
                }
                break;
            }
        }
    }
    let once = recording.finish();
    assert_eq!(again(&once), once, "veiled once more");
}

/// Any run: its journal replays to its end, has no token in it, and recorded anew is the same.
pub(super) fn recording(bytes: &[u8]) {
    let Ok(Plan { setup, ops }) = Unstructured::new(bytes).arbitrary::<Plan>() else { return };
    let token = Token::new("canary-0").expect("a token");
    let start = Timestamp::from_millis(setup.origin);
    let mut recording =
        Recording(Recorder::new(&setup.config(), &token, setup.seed, start), Vec::new());
    let mut watch = setup.watch();
    for step in resolve(&setup, &ops) {
        recording.input(&watch, Timestamp::from_millis(step.at), &step.given);
        step.feed(&mut watch);
        let most = match step.polls {
            Polls::All => 30,
            Polls::Few(few) => few.into(),
        };
        for _ in 0..most {
            let action = watch.poll();
            recording.0.action(&action);
            if let Action::Sleep { .. } = action {
                break;
            }
        }
    }
    let lines = recording.finish();
    assert!(!lines.concat().contains("canary"), "a token is in {lines:#?}");
    assert_eq!(again(&lines), lines, "recorded anew");
}

struct Recording(Recorder, Vec<String>);

impl Recording {
    fn of(header: &Header) -> Self {
        let token = Token::new("x".repeat(header.token_len)).expect("as long as one may be");
        Self(Recorder::new(&header.config, &token, header.seed, header.start), Vec::new())
    }

    fn input(&mut self, watch: &Watch, at: Timestamp, input: &InputBuf) {
        self.0.input(watch, at, &input.as_input());
        self.1.extend(std::iter::from_fn(|| self.0.next_line()));
    }

    fn finish(mut self) -> Vec<String> {
        self.0.finish();
        self.1.extend(std::iter::from_fn(|| self.0.next_line()));
        self.1
    }
}

/// The journal of the replay of a journal, every line of which the machine has to agree with.
fn again(lines: &[String]) -> Vec<String> {
    let mut replay = Replay::new(&lines[0]).expect("a first line");
    let mut recording = Recording::of(replay.header());
    for line in &lines[1..] {
        let before = replay.watch().clone();
        match replay.line(line).unwrap_or_else(|error| panic!("{error}, in {lines:#?}")) {
            Step::Input { at, input, .. } => recording.input(&before, at, &input),
            Step::Action(action) => recording.0.action(&action),
            // It was not for the limit of this recording that the other one ended.
            Step::Ended(_) => {
                let mut short = recording.finish();
                short.push(line.clone());
                return short;
            }
            other => panic!("{other:?}"),
        }
    }
    recording.finish()
}
