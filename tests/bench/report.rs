//! Medians, ratios, and the bounds Adrastea itself must keep.

use anyhow::{Result, bail};

use crate::side::Name;

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Less,
    More,
}

struct Row {
    name: &'static str,
    unit: &'static str,
    direction: Direction,
    ours: Vec<f64>,
    reference: Vec<f64>,
}

/// All that was measured, in the order of first mention.
pub(crate) struct Report {
    rows: Vec<Row>,
}

/// What must hold whatever the other side does: (row, largest allowed median).
const BOUNDS: &[(&str, f64)] = &[
    ("start: spawn to first 200", 50.0),
    ("start: resident memory, idle", 25.0),
    ("execute round trip, synthetic kernel, p50", 1.0),
    ("50,000 outputs, lost", 0.0),
];

impl Report {
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    pub(crate) fn add(
        &mut self,
        name: &'static str,
        unit: &'static str,
        direction: Direction,
        side: Name,
        value: f64,
    ) {
        let position = self
            .rows
            .iter()
            .position(|row| row.name == name)
            .unwrap_or_else(|| {
                self.rows.push(Row {
                    name,
                    unit,
                    direction,
                    ours: Vec::new(),
                    reference: Vec::new(),
                });
                self.rows.len() - 1
            });
        let row = &mut self.rows[position];
        match side {
            Name::Adrastea => row.ours.push(value),
            Name::Reference => row.reference.push(value),
        }
    }

    pub(crate) fn print(&self) {
        println!("| row | unit | adrastea | reference | ratio | spread of ours |");
        println!("|---|---|---|---|---|---|");
        for row in &self.rows {
            let (ours, reference) = (median(&row.ours), median(&row.reference));
            let ratio = match row.direction {
                Direction::Less => reference / ours,
                Direction::More => ours / reference,
            };
            let ratio = if ratio.is_finite() {
                format!("×{ratio:.1}")
            } else {
                "–".to_owned()
            };
            let (low, high) = spread(&row.ours);
            println!(
                "| {} | {} | {} | {} | {ratio} | {}–{} |",
                row.name,
                row.unit,
                digits(ours),
                digits(reference),
                digits(low),
                digits(high)
            );
        }
    }

    /// Fails when one of our own bounds is broken.
    pub(crate) fn check(&self) -> Result<()> {
        let broken: Vec<String> = BOUNDS
            .iter()
            .filter_map(|&(name, bound)| {
                let Some(row) = self.rows.iter().find(|row| row.name == name) else {
                    return Some(format!("{name}: not measured"));
                };
                let value = median(&row.ours);
                // What is no number is not within the bound either.
                let kept = value <= bound;
                (!kept).then(|| format!("{name}: {} {} (bound {bound})", digits(value), row.unit))
            })
            .collect();
        if broken.is_empty() {
            Ok(())
        } else {
            bail!("bounds broken: {}", broken.join("; "))
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn spread(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
            (low.min(value), high.max(value))
        })
}

/// Three significant digits.
fn digits(value: f64) -> String {
    match value.abs() {
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
