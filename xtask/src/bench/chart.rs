//! `bench.svg`: one bar per row, whose length is its texts per second. Cells with the same model
//! and texts form a group with a common scale.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::machine::Head;
use super::row::Row;
use crate::table::rate;

const WIDTH: u32 = 860;
const MARGIN: i32 = 24;
const HEAD: i32 = 76;
const TITLE: i32 = 34;
const BAR: i32 = 20;
const STEP: i32 = 28;
const GAP: i32 = 14;
/// Where bars start, and where the longest ends: labels are on the left, numbers on the right.
const LEFT: i32 = 270;
const RIGHT: i32 = 760;

/// Number of characters that fit to the left of the bars, and in the whole width.
const LABEL_CHARACTERS: usize = 34;
const TITLE_CHARACTERS: usize = 100;

const OURS: RGBColor = RGBColor(0xd9, 0x5f, 0x0e);
const THEIRS: RGBColor = RGBColor(0x9a, 0xa5, 0xb1);
const INK: RGBColor = RGBColor(0x22, 0x2b, 0x36);
const FAINT: RGBColor = RGBColor(0x6b, 0x76, 0x84);

pub(super) fn write(head: &Head, rows: &[Row]) -> Result<String> {
    let groups: Vec<&[Row]> = rows.chunk_by(|a, b| a.cell.title() == b.cell.title()).collect();
    let bars = i32::try_from(rows.len())? * STEP;
    let height = HEAD + bars + i32::try_from(groups.len())? * (TITLE + GAP) + MARGIN;
    let mut svg = String::new();
    draw(head, &groups, &mut svg, height.unsigned_abs())
        .map_err(|error| anyhow!("cannot draw the chart: {error}"))?;
    Ok(svg)
}

type DrawResult<T> = Result<T, Box<dyn std::error::Error>>;

fn draw(head: &Head, groups: &[&[Row]], svg: &mut String, height: u32) -> DrawResult<()> {
    let area = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let text = |words: &str, at: (i32, i32), size: i32, color: RGBColor, side: HPos| {
        let style = ("sans-serif", size).into_font().color(&color);
        let style = style.pos(Pos::new(side, VPos::Center));
        area.draw(&Text::new(words.to_owned(), at, style))
    };
    text("Texts per second", (MARGIN, 28), 25, INK, HPos::Left)?;
    let machine = format!("{}, {} threads, {}", head.cpu, head.threads, head.date);
    text(&shortened(&machine, TITLE_CHARACTERS), (MARGIN, 54), 16, FAINT, HPos::Left)?;

    let mut y = HEAD;
    for group in groups {
        let title = group.first().map(|row| row.cell.title()).unwrap_or_default();
        let title = shortened(&title, TITLE_CHARACTERS);
        text(&title, (MARGIN, y + TITLE / 2), 18, INK, HPos::Left)?;
        y += TITLE;
        let fastest = group.iter().map(Row::texts_per_s).fold(f64::MIN_POSITIVE, f64::max);
        for row in *group {
            let middle = y + STEP / 2;
            let end = LEFT + bar_length(row.texts_per_s() / fastest);
            let color = if row.is_ours() { OURS } else { THEIRS };
            let corners = [(LEFT, middle - BAR / 2), (end, middle + BAR / 2)];
            area.draw(&Rectangle::new(corners, color.filled()))?;
            text(&label(row), (LEFT - 10, middle), 16, INK, HPos::Right)?;
            text(&rate(row.texts_per_s()), (end + 8, middle), 16, INK, HPos::Left)?;
            y += STEP;
        }
        y += GAP;
    }
    area.present()?;
    drop(area);
    Ok(())
}

fn label(row: &Row) -> String {
    let label = match row.batch {
        0 => row.ready.engine.clone(),
        batch => format!("{}, batch {batch}", row.ready.engine),
    };
    shortened(&label, LABEL_CHARACTERS)
}

/// At least a pixel, so that every bar can be seen.
fn bar_length(share: f64) -> i32 {
    ((share * f64::from(RIGHT - LEFT)).round() as i32).max(1)
}

fn shortened(text: &str, n_characters: usize) -> String {
    if text.chars().count() <= n_characters {
        return text.to_owned();
    }
    let start: String = text.chars().take(n_characters - 1).collect();
    start + "…"
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::*;

    #[test]
    fn a_chart_has_a_bar_and_a_label_for_each_row() {
        let head = Head {
            date: "2026-01-01".into(),
            cpu: "CPU <1>".into(),
            threads: 2,
            rounds: 5,
            command: "cargo xtask bench".into(),
        };
        let rows = [row("splade-cpu-f32", &[1.0], None), row("splade-flex-f32", &[2.0], None)];
        let svg = write(&head, &rows).unwrap();
        assert_eq!(svg.matches("<rect").count(), 1 + rows.len());
        assert!(svg.contains("splade-flex-f32") && svg.contains("50.0"), "{svg}");
        assert!(svg.contains("CPU &lt;1&gt;") && svg.trim_end().ends_with("</svg>"), "{svg}");
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
    }
}
