//! The flags that bound what clients may ask for, and which of them contradict each other.

use std::time::Duration;

use clap::Args;

use super::{duration, lasting};
use crate::serve::{Drain, Limits};

/// The API server keeps idle connections for so long.
const API_SERVER_IDLE: Duration = Duration::from_secs(90);
/// File descriptors for all but reviews: the admin port, connections to the API server, files, signals.
const OTHER_FILES: usize = 192;

/// What clients may ask for at most.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitFlags {
    /// Connections open at once; the one idle for longest makes room. Lowered where the limit of open files is lower.
    #[arg(long, env = "STSGUARD_MAX_CONNECTIONS", default_value_t = Limits::default().connections, value_name = "N")]
    pub max_connections: usize,
    /// TLS handshakes under way at once.
    #[arg(long, env = "STSGUARD_MAX_HANDSHAKES", default_value_t = Limits::default().handshakes, value_name = "N")]
    pub max_handshakes: usize,
    /// Reviews decided at once; more wait in the queue.
    #[arg(long, env = "STSGUARD_MAX_IN_FLIGHT", default_value_t = Limits::default().in_flight, value_name = "N")]
    pub max_in_flight: usize,
    /// Reviews that wait for their turn; more are answered with 429, which the API server tries again.
    #[arg(long, env = "STSGUARD_MAX_QUEUE", default_value_t = Limits::default().queue, value_name = "N")]
    pub max_queue: usize,
    /// Size of a review; an update carries two objects of up to 3Mi.
    #[arg(long, env = "STSGUARD_MAX_BODY", default_value = "8Mi", value_name = "SIZE", value_parser = size)]
    pub max_body: usize,
    /// Size of all reviews in memory together; more are answered with 429.
    #[arg(long, env = "STSGUARD_MAX_BYTES_IN_FLIGHT", default_value = "24Mi", value_name = "SIZE", value_parser = size)]
    pub max_bytes_in_flight: usize,
    /// Memory that the reviews being decided need, as estimated from their structure; more wait, and one that alone needs
    /// more than two thirds of it is refused.
    #[arg(long, env = "STSGUARD_MAX_WEIGHT_IN_FLIGHT", default_value = "24Mi", value_name = "SIZE", value_parser = size)]
    pub max_weight_in_flight: usize,
    /// How long a TLS handshake may take.
    #[arg(long, env = "STSGUARD_HANDSHAKE_TIME", default_value = "10s", value_name = "TIME", value_parser = lasting)]
    pub handshake_time: Duration,
    /// How long a TLS handshake or a body may take while there is no room for others.
    #[arg(long, env = "STSGUARD_CROWDED_TIME", default_value = "500ms", value_name = "TIME", value_parser = duration)]
    pub crowded_time: Duration,
    /// How long a connection's first request header may take.
    #[arg(long, env = "STSGUARD_FIRST_HEADER_TIME", default_value = "5s", value_name = "TIME", value_parser = lasting)]
    pub first_header_time: Duration,
    /// How long a request's body may take; less where the request's own time is shorter.
    #[arg(long, env = "STSGUARD_BODY_TIME", default_value = "10s", value_name = "TIME", value_parser = lasting)]
    pub body_time: Duration,
    /// How long a connection may be idle; API servers keep theirs for 90 s, and a shorter time here fails requests.
    #[arg(long, env = "STSGUARD_IDLE_TIME", default_value = "120s", value_name = "TIME", value_parser = lasting)]
    pub idle_time: Duration,
    /// How old a connection gets before a response closes it, so that load spreads anew; half of it at the least.
    #[arg(long, env = "STSGUARD_CONNECTION_AGE", default_value = "10m", value_name = "TIME", value_parser = lasting)]
    pub connection_age: Duration,
    /// How long requests in flight may take when a stopping server has closed its port.
    #[arg(long, help_heading = "Shutdown", env = "STSGUARD_DRAIN_FINISH", default_value = "15s", value_name = "TIME", value_parser = duration)]
    pub drain_finish: Duration,
}

/// Why limits cannot hold at the same time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Nothing would ever be served.
    #[error("--{0} 0 would serve nobody; allow at least 1")]
    Zero(&'static str),
    /// The largest review could never be read.
    #[error("--max-body {body} never fits into --{flag} {budget}: lower the first, or raise the second to {least}")]
    Body {
        /// The size of one review.
        body: usize,
        /// The budget that is too small.
        flag: &'static str,
        /// Its size.
        budget: usize,
        /// The size that it needs at the least.
        least: usize,
    },
}

impl LimitFlags {
    /// The limits that these flags ask for.
    pub fn limits(&self) -> Limits {
        Limits {
            connections: self.max_connections,
            admin_connections: Limits::default().admin_connections,
            handshakes: self.max_handshakes,
            handshake: self.handshake_time,
            crowded: self.crowded_time,
            first_header: self.first_header_time,
            body: self.body_time,
            idle: self.idle_time,
            age: self.connection_age,
            body_bytes: self.max_body,
            bytes_in_flight: self.max_bytes_in_flight,
            weight_in_flight: self.max_weight_in_flight,
            in_flight: self.max_in_flight,
            queue: self.max_queue,
        }
    }

    /// Whether all limits can hold at the same time.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn check(&self) -> Result<(), LimitError> {
        let counts = [
            ("max-connections", self.max_connections),
            ("max-handshakes", self.max_handshakes),
            ("max-in-flight", self.max_in_flight),
            ("max-body", self.max_body),
        ];
        if let Some((flag, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(LimitError::Zero(flag));
        }
        let body = self.max_body;
        let budgets = [
            ("max-bytes-in-flight", self.max_bytes_in_flight, body),
            ("max-weight-in-flight", self.max_weight_in_flight, Limits::least_weight_for(body)),
        ];
        match budgets.into_iter().find(|(_, budget, least)| least > budget) {
            Some((flag, budget, least)) => Err(LimitError::Body { body, flag, budget, least }),
            None => Ok(()),
        }
    }

    /// Lowers the connections to what the limit of open files allows, and tells of that and of what will fail requests.
    pub fn fit(limits: &mut Limits, drain: &Drain, files: Option<usize>) -> Vec<String> {
        let mut said = Vec::new();
        if let Some(files) = files {
            limits.admin_connections = limits.admin_connections.min(files / 4).max(1);
            let most = (files - OTHER_FILES.min(files / 2)).max(1);
            if limits.connections > most {
                said.push(format!(
                    "--max-connections {} is lowered to {most}: only {files} files may be open; raise that limit (ulimit -n)",
                    limits.connections
                ));
                limits.connections = most;
            }
        }
        for (flag, time) in [("idle-time", limits.idle), ("drain-idle", drain.idle)] {
            if time < API_SERVER_IDLE {
                said.push(format!(
                    "--{flag} {time:?} is shorter than the {API_SERVER_IDLE:?} that API servers keep idle connections \
                     for: a request that meets the close fails; use 95s or more"
                ));
            }
        }
        if limits.first_header > limits.idle {
            said.push(format!(
                "--first-header-time {:?} is longer than --idle-time {:?}, which ends it first",
                limits.first_header, limits.idle
            ));
        }
        said
    }
}

/// How many files this process may have open, where the system says.
pub(super) fn open_files() -> Option<usize> {
    // Linux alone has this file; elsewhere nothing is lowered.
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?.parse().ok()
}

/// Reads a size such as `8Mi`, `512Ki`, `1Gi` or a number of bytes, as Kubernetes writes quantities.
///
/// # Errors
/// Text that is none, with what was expected.
pub fn size(text: &str) -> Result<usize, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit {
        "" => 0,
        "Ki" => 10,
        "Mi" => 20,
        "Gi" => 30,
        _ => return Err(format!("{text:?} is no size; write it like 8Mi, 512Ki or 1048576")),
    };
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| format!("{text:?} is no size; write it like 8Mi, 512Ki or 1048576"))
}

#[cfg(test)]
mod tests;
