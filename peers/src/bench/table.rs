//! The rows of the table.

use std::fmt::Write as _;

/// One measure, what it stands beside, and what it should be.
pub(crate) struct Row {
    what: String,
    beside: String,
    aim: String,
    measured: String,
    /// Whether the aim is met; there may be none.
    met: Option<bool>,
}

impl Row {
    /// A measure without an aim.
    pub(crate) fn plain(what: impl Into<String>, measured: impl Into<String>) -> Self {
        let (what, measured) = (what.into(), measured.into());
        Self { what, beside: String::new(), aim: "stated".to_owned(), measured, met: None }
    }

    /// How many times faster than something else; at least `aim`.
    pub(crate) fn at_least(what: &str, beside: &str, ratio: f64, aim: f64) -> Self {
        let measured = format!("{ratio:.2} times");
        Self::new(what, beside, format!("at least {aim} times"), measured, ratio >= aim)
    }

    /// How many times as much as something else; at most `aim`.
    pub(crate) fn at_most(what: &str, beside: &str, ratio: f64, aim: f64) -> Self {
        let measured = format!("{ratio:.2} times");
        Self::new(what, beside, format!("at most {aim} times"), measured, ratio <= aim)
    }

    pub(crate) fn new(what: &str, beside: &str, aim: String, measured: String, met: bool) -> Self {
        Self { what: what.to_owned(), beside: beside.to_owned(), aim, measured, met: Some(met) }
    }

    /// The same, with more to say about what was measured.
    pub(crate) fn with(mut self, detail: impl AsRef<str>) -> Self {
        self.measured = format!("{}: {}", self.measured, detail.as_ref());
        self
    }
}

/// The table of `docs/performance.md`.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| what | beside | to reach | in this run | |\n| --- | --- | --- | --- | --- |\n",
    );
    for Row { what, beside, aim, measured, met } in rows {
        let met = match met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "",
        };
        let _ = writeln!(text, "| {what} | {beside} | {aim} | {measured} | {met} |");
    }
    text
}
