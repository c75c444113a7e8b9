//! The chart as a file: two panels over one time axis, connects a second and devices asleep.
//!
//! Blue is with the guards on and vermilion with them off: two of Okabe and Ito's colours, which people who do
//! not see red or green tell apart. The grey ground is the time for which the server was away.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Story, Told};
use crate::failure::Failure;

const SIZE: (u32, u32) = (960, 720);
const ON: RGBColor = RGBColor(0, 114, 178);
const OFF: RGBColor = RGBColor(213, 94, 0);
const AWAY: RGBColor = RGBColor(232, 232, 232);
const GRID: RGBColor = RGBColor(215, 215, 215);
const FONT: &str = "sans-serif";

/// Writes the file.
pub(super) fn write(path: &Path, told: &[Told], story: &Story) -> Result<(), Failure> {
    let mut text = String::new();
    draw(&mut text, told, story)
        .map_err(|error| Failure::failed(format!("the picture cannot be drawn: {error}")))?;
    std::fs::write(path, text)
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(text: &mut String, told: &[Told], story: &Story) -> Drawn {
    let root = SVGBackend::with_string(text, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.titled(&story.to_string(), (FONT, 19).into_font())?;
    let (above, below) = root.split_vertically(SIZE.1 * 54 / 100);
    let connects = told.iter().map(|it| it.run.peak.max(it.run.peak_away)).max().unwrap_or(0);
    let rate = Some(f64::from(story.rate)).filter(|_| !story.outage.is_zero());
    // Where the curves are not, as a rule.
    let (top, middle) = (SeriesLabelPosition::UpperRight, SeriesLabelPosition::MiddleRight);
    let what = "connects a second";
    panel(&above, told, story, (what, top), f64::from(connects), rate, |it| it.connects)?;
    let devices = f64::from(story.devices);
    panel(&below, told, story, ("devices asleep", middle), devices, None, |it| it.asleep)?;
    root.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    told: &[Told],
    story: &Story,
    (what, labels): (&str, SeriesLabelPosition),
    most: f64,
    rate: Option<f64>,
    value: impl Fn(&dormouse_testkit::sim::fleet::Second) -> u32,
) -> Drawn {
    let end = story.duration.as_secs_f64();
    let top = most.max(rate.unwrap_or(0.0)).max(1.0) * 1.08;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d(0.0..end, 0.0..top)?;
    let away = story.outage.as_secs_f64().min(end);
    chart.draw_series([Rectangle::new([(0.0, 0.0), (away, top)], AWAY.filled())])?;
    let count = |value: &f64| format!("{value:.0}");
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .x_desc(if away > 0.0 { "seconds since the server went away" } else { "seconds" })
        .y_desc(what)
        .x_label_formatter(&count)
        .y_label_formatter(&count)
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        .draw()?;
    if let Some(rate) = rate {
        let line = DashedLineSeries::new([(0.0, rate), (end, rate)], 5, 4, BLACK.stroke_width(1));
        chart
            .draw_series(line)?
            .label("the server takes")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 9, y)], BLACK.stroke_width(1)));
    }
    // Those with the guards on lie on top: they are the smaller ones.
    for it in told.iter().rev() {
        let colour = if it.guards == "on" { ON } else { OFF };
        let points =
            (1_u32..).zip(&it.run.seconds).map(|(at, it)| (f64::from(at), f64::from(value(it))));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(format!("guards {}", it.guards))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(2)));
    }
    if away > 0.0 {
        let style = (FONT, 13).into_font().color(&RGBColor(90, 90, 90));
        let style = style.pos(Pos::new(HPos::Left, VPos::Top));
        chart.draw_series([Text::new("server away", (end * 0.004, top * 0.985), style)])?;
    }
    chart
        .configure_series_labels()
        .position(labels)
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font((FONT, 14))
        .draw()?;
    Ok(())
}
