//! A machine that is recorded, as a driver does it.

use dormouse_core::journal::Recorder;
use dormouse_core::{Action, Config, Input, Timestamp, Token, Watch};

pub(crate) struct Recorded {
    pub(crate) watch: Watch,
    pub(crate) recorder: Recorder,
    /// The journal so far.
    pub(crate) lines: Vec<String>,
}

impl Recorded {
    /// A new watch, not polled yet.
    pub(crate) fn new(config: Config, token: Token, seed: u64, origin: u64) -> Self {
        let origin = Timestamp::from_millis(origin);
        let recorder = Recorder::new(&config, &token, seed, origin);
        let watch = Watch::new(config, token, seed, origin);
        Self { watch, recorder, lines: Vec::new() }
    }

    /// Hands something in and takes out all that follows.
    pub(crate) fn feed(&mut self, now: u64, input: Input<'_>) {
        self.handle(now, input);
        self.drain();
    }

    pub(crate) fn handle(&mut self, now: u64, input: Input<'_>) {
        let now = Timestamp::from_millis(now);
        self.recorder.input(&self.watch, now, &input);
        self.watch.handle(now, input);
        self.take_lines();
    }

    pub(crate) fn poll(&mut self) -> Action {
        let action = self.watch.poll();
        self.recorder.action(&action);
        self.take_lines();
        action
    }

    pub(crate) fn drain(&mut self) {
        while !matches!(self.poll(), Action::Sleep { .. }) {}
    }

    /// Nothing more will come.
    pub(crate) fn finish(&mut self) {
        self.recorder.finish();
        self.take_lines();
    }

    fn take_lines(&mut self) {
        self.lines.extend(std::iter::from_fn(|| self.recorder.next_line()));
    }
}
