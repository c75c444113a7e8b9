//! The chart in a terminal: one panel for each curve, in Braille dots, so that no colour is needed.

use textplots::{
    AxisBuilder as _, Chart, LabelBuilder as _, LabelFormat, LineStyle, Plot as _, Shape,
};

use super::{Story, Told};

/// In dots: two to a column, four to a row.
const WIDTH: u32 = 140;
const HEIGHT: u32 = 24;

/// Two panels for each run: connects, and devices that are asleep. Panels of a kind share their scale.
pub(super) fn draw(told: &[Told], story: &Story) -> String {
    let seconds = || told.iter().flat_map(|told| &told.run.seconds);
    let most = seconds().map(|it| it.connects).max().unwrap_or(0);
    let mut text = String::new();
    for Told { guards, run, .. } in told {
        let connects: Vec<f32> = run.seconds.iter().map(|it| it.connects as f32).collect();
        let asleep: Vec<f32> = run.seconds.iter().map(|it| it.asleep as f32).collect();
        let title = format!("connects a second, guards {guards}");
        text += &panel(&title, &connects, most as f32, story);
        let title = format!("devices asleep, guards {guards}");
        text += &panel(&title, &asleep, story.devices as f32, story);
    }
    let from = if story.outage.is_zero() { "the beginning" } else { "the outage" };
    text += &format!("Seconds since {from} run from left to right.");
    text
}

fn panel(title: &str, values: &[f32], most: f32, story: &Story) -> String {
    let points: Vec<(f32, f32)> =
        values.iter().zip(1_u16..).map(|(value, second)| (f32::from(second), *value)).collect();
    let end = story.duration.as_secs_f32().max(1.0);
    let shape = Shape::Lines(&points);
    let mut chart = Chart::new_with_y_range(WIDTH, HEIGHT, 0.0, end, 0.0, most.max(1.0));
    let whole = || LabelFormat::Custom(Box::new(|value| format!("{value:.0}")));
    let chart = chart
        .lineplot(&shape)
        .x_label_format(whole())
        .y_label_format(whole())
        .x_axis_style(LineStyle::None)
        .y_axis_style(LineStyle::Solid);
    chart.axis();
    chart.figures();
    format!("\n  {title}\n{chart}")
}
