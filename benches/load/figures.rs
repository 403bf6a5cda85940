//! From samples to a table.

use std::fmt;
use std::time::Duration;

use super::client::{Load, Sample};

/// What the rounds measured of one server in one case.
#[derive(Default)]
pub struct Figures {
    p50: Vec<Duration>,
    p99: Vec<Duration>,
    rate: Vec<f64>,
    reviews: u32,
    cpu: Duration,
}

impl Figures {
    /// Adds a round.
    pub fn add(&mut self, mut sample: Sample, cpu: Duration) {
        sample.latencies.sort_unstable();
        let reviews = u32::try_from(sample.latencies.len()).unwrap_or(u32::MAX);
        self.p50.push(quantile(&sample.latencies, 50));
        self.p99.push(quantile(&sample.latencies, 99));
        self.rate.push(f64::from(reviews) / sample.time.as_secs_f64());
        self.reviews += reviews;
        self.cpu += cpu;
    }

    fn p50(&self) -> f64 {
        micros(median(&mut self.p50.clone()))
    }

    /// The median of the rounds' 99th percentiles, in microseconds.
    pub fn p99(&self) -> f64 {
        micros(median(&mut self.p99.clone()))
    }

    fn rate(&self) -> f64 {
        let mut rates = self.rate.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }

    /// Processor time a review, over all rounds.
    fn cpu(&self) -> f64 {
        micros(self.cpu / self.reviews.max(1))
    }
}

/// The value in the middle; what is measured is never nothing.
pub fn median(values: &mut [Duration]) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A table in Markdown.
pub struct Table(Vec<[String; 6]>);

impl Table {
    /// The head alone.
    pub fn new() -> Self {
        Self(vec![
            ["review", "load", "p50 µs", "p99 µs", "reviews/s", "CPU µs a review"].map(str::to_owned),
            ["---", "---", "---", "---", "---", "---"].map(str::to_owned),
        ])
    }

    /// Adds a case.
    pub fn row(&mut self, name: &str, load: &Load, floor: &Figures, server: &Figures) {
        let how = match load.rate {
            None => format!("{} connections", load.connections),
            Some(rate) => format!("{rate}/s on {}", load.connections),
        };
        let both = |of: fn(&Figures) -> f64| {
            let (floor, server) = (of(floor), of(server));
            format!("{floor:.0} → {server:.0} ({:.2})", server / floor)
        };
        self.0.push([
            name.to_owned(),
            how,
            both(Figures::p50),
            both(Figures::p99),
            both(Figures::rate),
            both(Figures::cpu),
        ]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.0 {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}
