//! Medians, ratios, and the targets Adrastea must reach.

use anyhow::{Result, bail};

use crate::side::Name;

/// Which way is better.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Less,
    More,
}

impl Direction {
    /// How many times better `value` is than `other`.
    fn ratio(self, value: f64, other: f64) -> f64 {
        match self {
            Self::Less => other / value,
            Self::More => value / other,
        }
    }
}

/// What the median of our row must be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// This many times better than the reference.
    TimesReference(f64),
    /// At most this many times worse than the bare handler.
    WithinLimit(f64),
    /// At most `times` another row of ours, and `plus`; or what it is beside the bare handler, where the machine allows
    /// no less.
    Beside {
        row: &'static str,
        times: f64,
        plus: f64,
    },
}

struct Row {
    name: &'static str,
    unit: &'static str,
    direction: Direction,
    values: [Vec<f64>; Name::ALL.len()],
}

impl Row {
    /// Of one side; no number where it was not measured.
    fn median(&self, side: Name) -> f64 {
        median(&self.values[side as usize])
    }
}

/// All that was measured, in the order of first mention.
pub(crate) struct Report {
    rows: Vec<Row>,
    targets: &'static [(&'static str, Target)],
}

impl Report {
    pub(crate) fn new(targets: &'static [(&'static str, Target)]) -> Self {
        Self {
            rows: Vec::new(),
            targets,
        }
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
                    values: Default::default(),
                });
                self.rows.len() - 1
            });
        self.rows[position].values[side as usize].push(value);
    }

    pub(crate) fn print(&self) {
        println!("| row | unit | adrastea | reference | ratio | limit | of the limit | spread of ours |");
        println!("|---|---|---|---|---|---|---|---|");
        for row in &self.rows {
            let [ours, reference, limit] = Name::ALL.map(|side| row.median(side));
            let (low, high) = spread(&row.values[Name::Adrastea as usize]);
            println!(
                "| {} | {} | {} | {} | {} | {} | {} | {}–{} |",
                row.name,
                row.unit,
                digits(ours),
                digits(reference),
                times(row.direction.ratio(ours, reference)),
                digits(limit),
                times(row.direction.ratio(limit, ours)),
                digits(low),
                digits(high)
            );
        }
    }

    /// Prints each target with whether it is kept; fails when one is not.
    pub(crate) fn check(&self) -> Result<()> {
        let mut broken = 0;
        println!();
        for (name, target) in self.targets {
            let (kept, sentence) = self.judge(name, *target);
            println!("{} {name}: {sentence}", if kept { "PASS" } else { "FAIL" });
            broken += usize::from(!kept);
        }
        match broken {
            0 => Ok(()),
            broken => bail!("{broken} of {} targets are not kept", self.targets.len()),
        }
    }

    fn judge(&self, name: &str, target: Target) -> (bool, String) {
        let Some(row) = self.rows.iter().find(|row| row.name == name) else {
            return (false, "not measured".to_owned());
        };
        let ours = row.median(Name::Adrastea);
        // What is no number is not within a bound either.
        match target {
            Target::AtMost(bound) => (
                ours <= bound,
                format!("{} {} (at most {})", digits(ours), row.unit, digits(bound)),
            ),
            Target::AtLeast(bound) => (
                ours >= bound,
                format!("{} {} (at least {})", digits(ours), row.unit, digits(bound)),
            ),
            Target::TimesReference(wanted) => {
                let ratio = row.direction.ratio(ours, row.median(Name::Reference));
                let sentence = format!(
                    "{} better than the reference (at least {})",
                    times(ratio),
                    times(wanted)
                );
                (ratio >= wanted, sentence)
            }
            Target::WithinLimit(wanted) => {
                let ratio = row.direction.ratio(row.median(Name::Limit), ours);
                let sentence = format!("{} of the bare handler (at most {})", times(ratio), times(wanted));
                (ratio <= wanted, sentence)
            }
            Target::Beside {
                row: other,
                times,
                plus,
            } => {
                let other = self.rows.iter().find(|row| row.name == other);
                let bound = times * other.map_or(f64::NAN, |row| row.median(Name::Adrastea)) + plus;
                let limit = row.median(Name::Limit);
                let sentence = format!(
                    "{} {} (at most {}, or {} as beside the bare handler)",
                    digits(ours),
                    row.unit,
                    digits(bound),
                    digits(limit)
                );
                (ours <= bound || ours <= limit, sentence)
            }
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

fn times(ratio: f64) -> String {
    match ratio.is_finite() {
        true => format!("×{}", digits(ratio)),
        false => "–".to_owned(),
    }
}

/// Three significant digits.
fn digits(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "–".to_owned(),
        magnitude if magnitude >= 100.0 => format!("{value:.0}"),
        magnitude if magnitude >= 10.0 => format!("{value:.1}"),
        magnitude if magnitude >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
