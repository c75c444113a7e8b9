//! Journals with the actions that are expected, as the contract for every binding: what they are made from.
//!
//! Each is a script, played on the machine and recorded as any watch is: a person reviews the scripts here and the
//! lines in `testkit/vectors`, and a machine compares the two. `rows` has section 4, `guards` section 5, `stream`
//! what comes over the wire and `life` the rest.

mod guards;
mod life;
mod rows;
mod stream;

use dormouse_core::journal::Recorder;
use dormouse_core::{Action, Config, Guards, OnUnauthorized, Timestamp, Token, Watch, sse};

use crate::script;

/// The first watch, open at 0 s, with the lease L1 and an interval of 30 s.
const OPEN: &str = "
    0s head 1 sse
    0s hello 1 L1 30s
";

/// One journal to be.
#[derive(Clone, Debug)]
pub struct Vector {
    /// The file's name, without its extension.
    pub name: &'static str,
    shows: &'static str,
    guards: Guards,
    on_unauthorized: OnUnauthorized,
    limits: sse::Limits,
    base: &'static str,
    seed: u64,
    script: String,
}

impl Vector {
    /// With every guard off: the rows alone.
    fn new(name: &'static str, shows: &'static str, script: impl Into<String>) -> Self {
        Self {
            name,
            shows,
            guards: Guards::none(),
            on_unauthorized: OnUnauthorized::Stop,
            limits: sse::Limits::default(),
            base: "https://api.example.com",
            seed: 1,
            script: script.into(),
        }
    }

    fn guards(mut self, switch: impl Fn(&mut Guards)) -> Self {
        switch(&mut self.guards);
        self
    }

    fn every_guard(mut self, seed: u64) -> Self {
        (self.guards, self.seed) = (Guards::all(), seed);
        self
    }

    fn parks(mut self) -> Self {
        self.on_unauthorized = OnUnauthorized::Park;
        self
    }

    fn limits(mut self, line: usize, data: usize) -> Self {
        self.limits = sse::Limits { line, data };
        self
    }

    fn base(mut self, base: &'static str) -> Self {
        self.base = base;
        self
    }

    /// The journal.
    ///
    /// # Panics
    ///
    /// If the script is none.
    #[must_use]
    pub fn journal(&self) -> String {
        let config = Config::new(self.base)
            .guards(self.guards)
            .on_unauthorized(self.on_unauthorized)
            .limits(self.limits)
            .build()
            .expect("a config");
        let token = Token::new("canary-device").expect("a token");
        let start = Timestamp::ORIGIN;
        let mut recorder = Recorder::new(&config, &token, self.seed, start).shows(self.shows);
        let mut watch = Watch::new(config, token, self.seed, start);
        drain(&mut watch, &mut recorder);
        for step in script::steps(&[&self.script]) {
            let input = script::input(&step.input);
            recorder.input(&watch, step.at, &input.as_input());
            watch.handle(step.at, input.as_input());
            // As between two inputs that come at once.
            if step.expected != ["-"] {
                drain(&mut watch, &mut recorder);
            }
        }
        recorder.finish();
        assert_eq!(recorder.ended(), None, "{}", self.name);
        std::iter::from_fn(|| recorder.next_line()).collect()
    }
}

fn drain(watch: &mut Watch, recorder: &mut Recorder) {
    loop {
        let action = watch.poll();
        recorder.action(&action);
        if let Action::Sleep { .. } = action {
            return;
        }
    }
}

/// Every vector, in the order of its file's name.
#[must_use]
pub fn all() -> Vec<Vector> {
    let mut all = [rows::all(), guards::all(), stream::all(), life::all()].concat();
    all.sort_by_key(|vector| vector.name);
    all
}
