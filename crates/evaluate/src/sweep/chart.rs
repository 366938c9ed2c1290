//! A sweep as a chart: quality against size, with a labelled point for each setting.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::SweepPoint;
use super::axis::Axis;
use super::labels::{Area, lay_out};
use crate::EvaluateError;

/// What the chart of a sweep shows.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SweepChart {
    /// The measure on the vertical axis, by its name in [`SweepPoint::measures`]. Default
    /// `ndcg@10`.
    pub measure: String,
    /// The size on the horizontal axis. Default [`SweepSize::CorpusActiveDims`].
    pub size: SweepSize,
    /// The title of the chart. Default empty: the measure and the size.
    pub title: String,
}

/// The cost of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SweepSize {
    /// Mean active dimensions of the documents.
    #[default]
    CorpusActiveDims,
    /// Mean active dimensions of the queries.
    QueryActiveDims,
    /// Mean FLOPs of a score.
    AvgFlops,
}

impl Default for SweepChart {
    fn default() -> Self {
        Self { measure: "ndcg@10".into(), size: SweepSize::default(), title: String::new() }
    }
}

impl SweepChart {
    /// Sets [`measure`](Self::measure).
    #[must_use]
    pub fn with_measure(mut self, measure: impl Into<String>) -> Self {
        self.measure = measure.into();
        self
    }

    /// Sets [`size`](Self::size).
    #[must_use]
    pub fn with_size(mut self, size: SweepSize) -> Self {
        self.size = size;
        self
    }

    /// Sets [`title`](Self::title).
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }
}

impl SweepSize {
    fn name(self) -> &'static str {
        match self {
            Self::CorpusActiveDims => "mean active dimensions of a document",
            Self::QueryActiveDims => "mean active dimensions of a query",
            Self::AvgFlops => "mean FLOPs of a score",
        }
    }

    fn of(self, point: &SweepPoint) -> f64 {
        match self {
            Self::CorpusActiveDims => point.statistics.corpus_active_dims,
            Self::QueryActiveDims => point.statistics.query_active_dims,
            Self::AvgFlops => point.statistics.avg_flops,
        }
    }
}

const WIDTH: i32 = 860;
const PLOT_HEIGHT: i32 = 380;
const LEFT: i32 = 78;
const RIGHT: i32 = WIDTH - 32;
/// The title, a note and the name of the vertical axis are above the plot; ticks and a name are
/// below it.
const HEAD: i32 = 112;
const FOOT: i32 = 62;
const LEGEND_ROW: i32 = 22;
const LEGEND_COLUMN: i32 = 170;

/// plotters divides sizes by 1.24: these are 20, 14 and 13 pixels.
const TITLE_SIZE: i32 = 25;
const TEXT_SIZE: i32 = 17;
const LABEL_SIZE: i32 = 16;
/// Number of characters of the title that fit.
const TITLE_CHARACTERS: usize = 70;

const INK: RGBColor = RGBColor(0x22, 0x2b, 0x36);
const FAINT: RGBColor = RGBColor(0x5b, 0x66, 0x74);
const GRID: RGBColor = RGBColor(0xe3, 0xe7, 0xec);
/// Okabe and Ito's colours, which colour-blind people can distinguish, without the yellow.
const LINES: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
];

pub(super) fn svg(points: &[SweepPoint], chart: &SweepChart) -> Result<String, EvaluateError> {
    if points.is_empty() {
        return Err(EvaluateError::NoPoints);
    }
    let mut values = Vec::with_capacity(points.len());
    for (number, point) in (1..).zip(points) {
        let size = chart.size.of(point);
        if !size.is_finite() {
            return Err(EvaluateError::PointSize { point: number, active_dims: size });
        }
        let quality = point.measure(&chart.measure).filter(|value| value.is_finite());
        let quality = quality.ok_or_else(|| EvaluateError::MissingMeasure {
            point: number,
            measure: chart.measure.clone(),
        })?;
        values.push((size, quality));
    }
    let mut svg = String::new();
    Plot::new(points, &values, chart)
        .draw(&mut svg)
        .map_err(|error| EvaluateError::Chart { problem: error.to_string() })?;
    svg.truncate(svg.trim_end().len());
    svg.push('\n');
    Ok(svg)
}

type DrawResult<T> = Result<T, Box<dyn std::error::Error>>;
type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

struct Plot<'a> {
    chart: &'a SweepChart,
    sizes: Axis,
    qualities: Axis,
    /// The position and the label of each point.
    pixels: Vec<(i32, i32)>,
    labels: Vec<String>,
    /// Each `query_max_active_dims` with its points, by ascending size.
    series: Vec<(Option<usize>, Vec<usize>)>,
    note: &'static str,
    area: Area,
}

impl<'a> Plot<'a> {
    fn new(points: &[SweepPoint], values: &[(f64, f64)], chart: &'a SweepChart) -> Self {
        let mut series: Vec<(Option<usize>, Vec<usize>)> = Vec::new();
        for (at, point) in points.iter().enumerate() {
            let key = point.query_max_active_dims;
            match series.iter_mut().find(|(found, _)| *found == key) {
                Some((_, members)) => members.push(at),
                None => series.push((key, vec![at])),
            }
        }
        for (_, members) in &mut series {
            members.sort_by(|a, b| values[*a].partial_cmp(&values[*b]).expect("all are finite"));
        }
        // `None`, which keeps everything, exceeds any number.
        series.sort_by_key(|(key, _)| key.unwrap_or(usize::MAX));

        let top = HEAD + legend_height(series.len());
        let area = Area { left: LEFT, top, right: RIGHT, bottom: top + PLOT_HEIGHT };
        let sizes = Axis::of_sizes(&values.iter().map(|(size, _)| *size).collect::<Vec<_>>());
        let qualities = Axis::linear(&values.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        let pixel = |(size, quality): &(f64, f64)| {
            (x(area, sizes.position(*size)), y(area, qualities.position(*quality)))
        };
        let pixels = values.iter().map(pixel).collect();
        let (labels, note) = labels(points, series.len());
        Self { chart, sizes, qualities, pixels, labels, series, note, area }
    }

    fn draw(&self, svg: &mut String) -> DrawResult<()> {
        let size = (WIDTH.unsigned_abs(), (self.area.bottom + FOOT).unsigned_abs());
        let canvas = SVGBackend::with_string(svg, size).into_drawing_area();
        canvas.fill(&WHITE)?;
        self.draw_words(&canvas)?;
        self.draw_axes(&canvas)?;
        self.draw_legend(&canvas)?;
        let path = |(_, members): &(_, Vec<usize>)| -> Vec<(i32, i32)> {
            members.iter().map(|point| self.pixels[*point]).collect()
        };
        let lines: Vec<Vec<(i32, i32)>> = self.series.iter().map(path).collect();
        for (at, line) in lines.iter().enumerate() {
            canvas.draw(&PathElement::new(line.clone(), color(at).stroke_width(2)))?;
        }
        self.draw_labels(&canvas, &lines)?;
        for (at, line) in lines.iter().enumerate() {
            for point in line {
                canvas.draw(&Circle::new(*point, 5, color(at).filled()))?;
            }
        }
        canvas.present()?;
        drop(canvas);
        Ok(())
    }

    fn draw_words(&self, canvas: &Canvas<'_>) -> DrawResult<()> {
        let title = match self.chart.title.as_str() {
            "" => format!("{} by {}", self.chart.measure, self.chart.size.name()),
            title => title.to_owned(),
        };
        let title: String = match title.char_indices().nth(TITLE_CHARACTERS) {
            Some((end, _)) => format!("{}…", &title[..end]),
            None => title,
        };
        text(canvas, &title, (24, 30), TITLE_SIZE, INK, HPos::Left)?;
        text(canvas, self.note, (24, 58), TEXT_SIZE, FAINT, HPos::Left)?;
        let above = (24, self.area.top - 20);
        text(canvas, &self.chart.measure, above, TEXT_SIZE, INK, HPos::Left)?;
        let below = ((self.area.left + self.area.right) / 2, self.area.bottom + 44);
        text(canvas, self.chart.size.name(), below, TEXT_SIZE, INK, HPos::Center)
    }

    fn draw_axes(&self, canvas: &Canvas<'_>) -> DrawResult<()> {
        let Area { left, top, right, bottom } = self.area;
        for (tick, words) in self.qualities.ticks.iter().zip(self.qualities.tick_labels()) {
            let y = y(self.area, self.qualities.position(*tick));
            canvas.draw(&PathElement::new([(left, y), (right, y)], GRID))?;
            text(canvas, &words, (left - 10, y), TEXT_SIZE, FAINT, HPos::Right)?;
        }
        for (tick, words) in self.sizes.ticks.iter().zip(self.sizes.tick_labels()) {
            let x = x(self.area, self.sizes.position(*tick));
            canvas.draw(&PathElement::new([(x, top), (x, bottom)], GRID))?;
            text(canvas, &words, (x, bottom + 18), TEXT_SIZE, FAINT, HPos::Center)?;
        }
        canvas.draw(&PathElement::new([(left, top), (left, bottom), (right, bottom)], FAINT))?;
        Ok(())
    }

    fn draw_legend(&self, canvas: &Canvas<'_>) -> DrawResult<()> {
        if self.series.len() < 2 {
            return Ok(());
        }
        for (at, (key, _)) in self.series.iter().enumerate() {
            let (row, column) = (at / legend_columns(), at % legend_columns());
            let y = 84 + LEGEND_ROW * to_i32(row);
            let x = 24 + LEGEND_COLUMN * to_i32(column);
            canvas.draw(&PathElement::new([(x, y), (x + 26, y)], color(at).stroke_width(2)))?;
            canvas.draw(&Circle::new((x + 13, y), 5, color(at).filled()))?;
            let words = format!("queries: {}", kept(*key));
            text(canvas, &words, (x + 34, y), TEXT_SIZE, INK, HPos::Left)?;
        }
        Ok(())
    }

    fn draw_labels(&self, canvas: &Canvas<'_>, lines: &[Vec<(i32, i32)>]) -> DrawResult<()> {
        let sizes: Vec<(i32, i32)> = self
            .labels
            .iter()
            // A generous width for a digit in a sans-serif font.
            .map(|label| (to_i32(label.chars().count()) * LABEL_SIZE / 2 + 4, LABEL_SIZE))
            .collect();
        let labels = lay_out(&self.pixels, &sizes, lines, self.area);
        for (point, label) in self.pixels.iter().zip(&labels).filter(|(_, label)| !label.is_near) {
            canvas.draw(&PathElement::new([*point, label.area.center()], FAINT.mix(0.5)))?;
        }
        for (at, (_, members)) in self.series.iter().enumerate() {
            let ink = if self.series.len() < 2 { INK } else { dark(color(at)) };
            for point in members {
                let Area { left, top, right, bottom } = labels[*point].area;
                let halo = WHITE.mix(0.8).filled();
                canvas.draw(&Rectangle::new([(left, top), (right, bottom)], halo))?;
                let center = labels[*point].area.center();
                text(canvas, &self.labels[*point], center, LABEL_SIZE, ink, HPos::Center)?;
            }
        }
        Ok(())
    }
}

/// The label of each point, and what the labels show. If both settings vary, lines and their
/// colours show the setting of the queries, as long as there are enough colours.
fn labels(points: &[SweepPoint], n_series: usize) -> (Vec<String>, &'static str) {
    let label = |of: &dyn Fn(&SweepPoint) -> Option<usize>| -> Vec<String> {
        points.iter().map(|point| kept(of(point))).collect()
    };
    let documents = |point: &SweepPoint| point.document_max_active_dims;
    let queries = |point: &SweepPoint| point.query_max_active_dims;
    let same = |of: &dyn Fn(&SweepPoint) -> Option<usize>| {
        points.windows(2).all(|pair| of(&pair[0]) == of(&pair[1]))
    };
    if same(&documents) && !same(&queries) {
        (label(&queries), "Labels: max_active_dims of queries; all: nothing cut.")
    } else if same(&queries) {
        (label(&documents), "Labels: max_active_dims of documents; all: nothing cut.")
    } else if n_series <= LINES.len() {
        let note = "Labels: max_active_dims of documents; lines: of queries; all: nothing cut.";
        (label(&documents), note)
    } else {
        let pairs = label(&documents).into_iter().zip(label(&queries));
        let labels = pairs.map(|(documents, queries)| format!("{documents} / {queries}"));
        let note = "Labels: max_active_dims of documents / of queries; all: nothing cut.";
        (labels.collect(), note)
    }
}

fn kept(max_active_dims: Option<usize>) -> String {
    max_active_dims.map_or_else(|| "all".into(), |max| max.to_string())
}

fn legend_columns() -> usize {
    ((WIDTH - 24) / LEGEND_COLUMN).unsigned_abs() as usize
}

fn legend_height(n_series: usize) -> i32 {
    if n_series < 2 { 0 } else { LEGEND_ROW * to_i32(n_series.div_ceil(legend_columns())) }
}

fn to_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX / LEGEND_COLUMN)
}

fn color(series: usize) -> RGBColor {
    LINES[series % LINES.len()]
}

/// Text needs more contrast than a line.
fn dark(RGBColor(red, green, blue): RGBColor) -> RGBColor {
    let part = |value: u8| value / 5 * 3;
    RGBColor(part(red), part(green), part(blue))
}

fn x(area: Area, share: f64) -> i32 {
    area.left + (share * f64::from(area.right - area.left)).round() as i32
}

fn y(area: Area, share: f64) -> i32 {
    area.bottom - (share * f64::from(area.bottom - area.top)).round() as i32
}

fn text(
    canvas: &Canvas<'_>,
    words: &str,
    at: (i32, i32),
    size: i32,
    color: RGBColor,
    side: HPos,
) -> DrawResult<()> {
    let style = ("sans-serif", size).into_font().color(&color).pos(Pos::new(side, VPos::Center));
    canvas.draw(&Text::new(words.to_owned(), at, style))?;
    Ok(())
}
