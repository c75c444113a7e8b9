//! The two charts, as files.
//!
//! The colours are Okabe and Ito's, which people who do not see red or green tell apart: blue ones are ours.

use std::path::Path;

use dormouse_peers::client::Failure;
use plotters::coord::Shift;
use plotters::coord::ranged1d::{Ranged, ValueFormatter};
use plotters::prelude::SeriesLabelPosition::{LowerRight, UpperLeft, UpperRight};
use plotters::prelude::*;

use crate::crowd::Cost;
use crate::growth::Line;
use crate::storm::{Scale, Second, Seen};

const SIZE: (u32, u32) = (960, 760);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const SKY: RGBColor = RGBColor(86, 180, 233);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
/// Of lines, in the order in which they come: where two are ours, and where one is.
const TWO: [RGBColor; 4] = [BLUE, SKY, VERMILION, ORANGE];
const ONE: [RGBColor; 3] = [BLUE, VERMILION, ORANGE];
const AWAY: RGBColor = RGBColor(232, 232, 232);
const GRID: RGBColor = RGBColor(215, 215, 215);
const FONT: &str = "sans-serif";

type Drawn = Result<(), Failure>;
type Area<'a, 'b> = &'a DrawingArea<SVGBackend<'b>, Shift>;

/// Two panels below a title, as a file.
fn file(path: &Path, title: &str, draw: impl FnOnce(Area<'_, '_>, Area<'_, '_>) -> Drawn) -> Drawn {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let root = root.titled(title, (FONT, 19).into_font())?;
        let (above, below) = root.split_vertically(SIZE.1 / 2);
        draw(&above, &below)?;
        root.present()?;
    }
    Ok(std::fs::write(path, text)?)
}

/// Connects a second and devices asleep, over the time since the server was killed.
pub(crate) fn storm(path: &Path, scale: &Scale, all: &[Seen]) -> Drawn {
    let title = format!(
        "{} devices, their server killed and back after {} s, {} connects a second",
        scale.devices,
        scale.outage.as_secs(),
        scale.rate
    );
    let of = |value: fn(&Second) -> f64| {
        let points = |seen: &Seen| {
            (0_u32..).map(f64::from).zip(seen.seconds.iter().map(value)).collect::<Vec<_>>()
        };
        all.iter().map(|seen| (seen.to_string(), points(seen))).collect::<Vec<_>>()
    };
    // None is shown as less than one.
    let connects = of(|second| (second.connects as f64).max(0.5));
    let asleep = of(|second| second.asleep as f64);
    let most = |lines: &[(String, Vec<(f64, f64)>)], at: fn(&(f64, f64)) -> f64| {
        lines.iter().flat_map(|(_, points)| points).map(at).fold(1.0, f64::max)
    };
    let end = most(&asleep, |point| point.0);
    let away = scale.outage.as_secs_f64();
    let seconds = "seconds since the server was killed";
    file(path, &title, |above, below| {
        let top = most(&connects, |point| point.1) * 1.5;
        let mut chart = ChartBuilder::on(above)
            .margin(12)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(84)
            .build_cartesian_2d(0.0..end, (0.5..top).log_scale())?;
        chart.draw_series([Rectangle::new([(0.0, 0.5), (away, top)], AWAY.filled())])?;
        lines(&mut chart, &connects, &TWO, (seconds, "connects a second"), UpperRight)?;
        let mut chart = ChartBuilder::on(below)
            .margin(12)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(84)
            .build_cartesian_2d(0.0..end, 0.0..scale.devices as f64 * 1.08)?;
        let top = scale.devices as f64 * 1.08;
        chart.draw_series([Rectangle::new([(0.0, 0.0), (away, top)], AWAY.filled())])?;
        lines(&mut chart, &asleep, &TWO, (seconds, "devices asleep"), LowerRight)
    })
}

/// Memory over the number of watches, and time over the size of events.
pub(crate) fn growth(path: &Path, costs: &[Line<Cost>], times: &[Line<f64>]) -> Drawn {
    let memory: Vec<_> = costs
        .iter()
        .map(|line| {
            let kib = |cost: &Cost| (cost.beating / 1024.0).max(1.0);
            let points = line.points.iter().map(|(count, cost)| (*count as f64, kib(cost)));
            (line.name.to_owned(), points.collect::<Vec<_>>())
        })
        .collect();
    let events: Vec<_> = times
        .iter()
        .map(|line| {
            let points = line.points.iter().map(|(size, time)| (*size as f64, *time));
            (line.name.to_owned(), points.collect::<Vec<_>>())
        })
        .collect();
    file(path, "How costs grow", |above, below| {
        log_log(above, &memory, &TWO, ("watches in one process", "KiB for each"), UpperRight)?;
        log_log(below, &events, &ONE, ("bytes an event has", "ns to decode it"), UpperLeft)
    })
}

fn log_log(
    area: Area<'_, '_>,
    all: &[(String, Vec<(f64, f64)>)],
    colours: &[RGBColor],
    words: (&str, &str),
    legend: SeriesLabelPosition,
) -> Drawn {
    let bounds = |of: fn(&(f64, f64)) -> f64| {
        let values = || all.iter().flat_map(|(_, points)| points).map(of);
        values().fold(f64::MAX, f64::min)..values().fold(1.0, f64::max) * 1.5
    };
    let (across, up) = (bounds(|point| point.0), bounds(|point| point.1));
    // Whole powers of ten, so that there are labels at both ends. Above is the legend.
    let power = |value: f64, whole: fn(f64) -> f64| 10_f64.powf(whole(value.log10()));
    let up = power(up.start / 1.5, f64::floor)..power(up.end * 2.0, f64::ceil);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(84)
        .build_cartesian_2d(across.log_scale(), up.log_scale())?;
    lines(&mut chart, all, colours, words, legend)
}

fn lines<'a, X, Y>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    all: &[(String, Vec<(f64, f64)>)],
    colours: &[RGBColor],
    (across, up): (&str, &str),
    legend: SeriesLabelPosition,
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let number = |value: &f64| format!("{value:.0}");
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .x_desc(across)
        .y_desc(up)
        .y_labels(6)
        .x_label_formatter(&number)
        .y_label_formatter(&number)
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        .draw()?;
    for ((name, points), &colour) in all.iter().zip(colours) {
        chart
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(2)));
    }
    // Once more, for ours to lie on top and yet to be named first.
    for ((_, points), colour) in all.iter().zip(colours).rev() {
        chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
    }
    chart
        .configure_series_labels()
        .position(legend)
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font((FONT, 14))
        .draw()?;
    Ok(())
}
