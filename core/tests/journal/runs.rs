//! Whatever happens to a machine, polled or not, at any time: its journal replays, and holds no token.

use dormouse_core::journal::{Replay, ReplayError};
use dormouse_core::{Action, Token, Watch};
use dormouse_testkit::laws::{Polls, Setup, resolve};
use proptest::prelude::*;

use crate::recorded::Recorded;
use crate::strategy::{plan, setup};

/// The journal of a plan.
fn record(setup: &Setup, plan: &[dormouse_testkit::laws::Op]) -> Recorded {
    let token = Token::new("canary-0").expect("a token");
    let mut recorded = Recorded::new(setup.config(), token, setup.seed, setup.origin);
    for step in resolve(setup, plan) {
        recorded.handle(step.at, step.given.as_input());
        let most = match step.polls {
            Polls::All => usize::MAX,
            Polls::Few(few) => usize::from(few),
        };
        for _ in 0..most {
            if let Action::Sleep { .. } = recorded.poll() {
                break;
            }
        }
    }
    recorded.finish();
    recorded
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn every_run_replays_from_its_journal(setup in setup(), plan in plan()) {
        let recorded = record(&setup, &plan);
        let journal = recorded.lines.concat();
        prop_assert!(!journal.contains("canary"), "{journal}");
        let mut lines = recorded.lines.iter();
        let mut replay = Replay::new(lines.next().expect("a header")).expect("a header");
        for line in lines {
            replay.line(line).map_err(|error| TestCaseError::fail(format!("{error}\n{journal}")))?;
        }
        // All that the machine has in it is there again, but for tokens, where a wake leads, and by how much
        // more than the widest a window was.
        let inside = |watch: &Watch| {
            let shown = format!("{watch:?}").replace("wss://go.example/1", "wss://xxxxxxxxxxxx");
            let (before, rest) = shown.split_once("retry: ").expect("the decoder's");
            let (_, after) = rest.split_once(", data_bytes").expect("what follows it");
            format!("{before}{after}")
        };
        prop_assert_eq!(inside(replay.watch()), inside(&recorded.watch));
    }

    /// What is changed is found, wherever it is; and a stranger's file is no danger.
    #[test]
    fn a_journal_that_was_changed_neither_panics_nor_passes_for_the_same(
        setup in setup(),
        plan in plan(),
        at in any::<proptest::sample::Index>(),
        byte: u8,
    ) {
        let journal = record(&setup, &plan).lines.concat();
        let mut changed = journal.clone().into_bytes();
        let at = at.index(changed.len());
        changed[at] = byte;
        let Ok(changed) = String::from_utf8(changed) else { return Ok(()) };
        let mut lines = changed.split_inclusive('\n');
        let Ok(mut replay) = Replay::new(lines.next().unwrap_or_default()) else { return Ok(()) };
        let error = lines.find_map(|line| replay.line(line).err());
        let action = journal[..at].rsplit('\n').next().is_some_and(|line| line.starts_with("{\"out\":"));
        if action && changed != journal {
            prop_assert!(error.is_some(), "byte {at} was changed: {changed}");
        }
        if let Some(ReplayError::Differs { expected, came, .. }) = error {
            prop_assert_ne!(expected, came);
        }
    }

    /// Whatever a line is, it is told what is wrong with it.
    #[test]
    fn no_line_panics(
        text in "\\PC*",
        fields in r#"\{("(at|in|attempt|beat|status|text|hex|end|code|cause|out)":("(tick|data|head|limit|zz)"|-?[0-9]{1,20}|null|true),?){0,6}\}?"#,
        deep in 0..100_000_usize,
    ) {
        let _ = Replay::new(&text);
        let _ = Replay::new(&fields);
        let setup = Setup { guards: [true; 6], park: false, seed: 1, origin: 0 };
        let header = record(&setup, &[]).lines.concat();
        for line in [text, fields, "[".repeat(deep), format!(r#"{{"at":{}"#, "{\"a\":".repeat(deep))] {
            let mut replay = Replay::new(&header).expect("a header");
            let _ = replay.line(&line);
        }
    }
}
