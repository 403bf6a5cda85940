//! `stsguard serve`: flags with their environment variables, resolved into settings.

mod limits;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

mod certificates;

use clap::{Args, ValueEnum};

use self::certificates::SelfManagedFlags;
use super::policy_flags::PolicyFlags;
use crate::policy::Unusable;
use crate::rule::Policy;
use crate::rules;
use crate::serve::{Drain, Settings};
use limits::LimitFlags;

/// Serve admission reviews: `/mutate` and `/validate` over TLS, probes and metrics on a port of their own.
#[derive(Debug, Args)]
pub struct ServeFlags {
    /// Address and port for reviews, TLS.
    #[arg(long, env = "STSGUARD_LISTEN", default_value = "[::]:10250", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Address and port for /live, /ready and /metrics, plain HTTP.
    #[arg(long, env = "STSGUARD_ADMIN_LISTEN", default_value = "[::]:8080", value_name = "ADDRESS")]
    pub admin_listen: SocketAddr,
    #[command(flatten)]
    pub self_managed: SelfManagedFlags,
    /// Folder with tls.crt and tls.key; a new pair is served without a restart.
    #[arg(long, env = "STSGUARD_CERTIFICATES", default_value = "/etc/stsguard/certificates", value_name = "FOLDER")]
    pub certificates: PathBuf,
    /// Serve only certificates that cover this name: SERVICE.NAMESPACE.svc.
    #[arg(long, env = "STSGUARD_CERTIFICATE_NAME", value_name = "NAME")]
    pub certificate_name: Option<String>,
    /// How often the certificate folder is looked into.
    #[arg(long, env = "STSGUARD_CERTIFICATE_POLL", default_value = "10s", value_name = "TIME", value_parser = lasting)]
    pub certificate_poll: Duration,
    /// Speak TLS 1.2 beside 1.3, for API servers that stop there.
    // The chart's value and its extraArgs may both ask for it.
    #[arg(long, env = "STSGUARD_TLS12", overrides_with = "tls12")]
    pub tls12: bool,
    /// Let only clients call whose certificates this CA signed, PEM; looked at as often as the certificate folder.
    #[arg(long, help_heading = "Callers", env = "STSGUARD_CLIENT_CA", value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// A name that a client certificate must carry, as common or alternative name; repeat it, or separate by commas.
    #[arg(
        long,
        help_heading = "Callers",
        env = "STSGUARD_CLIENT_NAME",
        value_name = "NAME",
        value_delimiter = ',',
        requires = "client_ca"
    )]
    pub client_name: Vec<String>,
    #[command(flatten)]
    pub policy: PolicyFlags,
    /// How often the policy file is looked at; a good new version counts at once, a bad one changes nothing.
    #[arg(long, help_heading = "Policy", env = "STSGUARD_POLICY_POLL", default_value = "10s", value_name = "TIME", value_parser = lasting)]
    pub policy_poll: Duration,
    /// What to do with a policy file that is bad at the start, when there is no last good policy to go on with.
    #[arg(long, help_heading = "Policy", env = "STSGUARD_BAD_POLICY", default_value = "warn", value_name = "ACTION")]
    pub bad_policy: BadPolicy,
    #[command(flatten)]
    pub limits: LimitFlags,
    /// How long a stopping server goes on as before, so that every proxy learns that it leaves.
    #[arg(long, help_heading = "Shutdown", env = "STSGUARD_DRAIN_PROPAGATION", default_value = "10s", value_name = "TIME", value_parser = duration)]
    pub drain_propagation: Duration,
    /// How long no request must have come before a stopping server closes its port.
    #[arg(long, help_heading = "Shutdown", env = "STSGUARD_DRAIN_QUIET", default_value = "5s", value_name = "TIME", value_parser = duration)]
    pub drain_quiet: Duration,
    /// How long idle connections may stay open after that; API servers keep theirs for 90 s.
    #[arg(long, help_heading = "Shutdown", env = "STSGUARD_DRAIN_IDLE", default_value = "95s", value_name = "TIME", value_parser = duration)]
    pub drain_idle: Duration,
    /// What is logged.
    #[arg(long, help_heading = "Logs", env = "STSGUARD_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: LogLevel,
    /// How it is logged.
    #[arg(long, help_heading = "Logs", env = "STSGUARD_LOG_FORMAT", default_value = "json", value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// What is done with a bad policy at the start.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum BadPolicy {
    /// Serve: the profile recommended counts, nothing is denied or fixed, and the metric and the log say so.
    Warn,
    /// Exit.
    Refuse,
}

/// What is logged.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogLevel {
    /// What is broken.
    Error,
    /// And what may become so.
    Warn,
    /// And each review that denies, warns or fixes.
    Info,
    /// And each review.
    Debug,
}

/// How it is logged.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl ServeFlags {
    /// Serves until a signal.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let policy = match (self.policy.resolve(), self.bad_policy) {
            // The one who follows the file says what is wrong with it.
            (Err(Unusable::Faulty { .. }), BadPolicy::Warn) => rules::fallback(),
            (policy, _) => policy?,
        };
        self.limits.check()?;
        let mut settings = self.settings(policy)?;
        self.log();
        let runtime = tokio::runtime::Runtime::new()?;
        for contradiction in LimitFlags::fit(&mut settings.limits, &settings.drain, limits::open_files()) {
            tracing::warn!("{contradiction}");
        }
        runtime.block_on(crate::serve::run(settings))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The settings that these flags ask for, with the policy read already.
    ///
    /// # Errors
    /// Flags that do not fit together.
    pub fn settings(&self, policy: Policy) -> anyhow::Result<Settings> {
        let self_managed = self.self_managed.resolve(self.certificate_name.as_deref())?;
        Ok(Settings {
            listen: self.listen,
            admin_listen: self.admin_listen,
            self_managed,
            certificates: self.certificates.clone(),
            certificate_name: self.certificate_name.clone(),
            certificate_poll: self.certificate_poll,
            tls12: self.tls12,
            client_ca: self.client_ca.clone(),
            client_names: self.client_name.clone(),
            policy,
            policy_file: self.policy.policy.clone(),
            policy_poll: self.policy_poll,
            limits: self.limits.limits(),
            drain: Drain {
                propagation: self.drain_propagation,
                quiet: self.drain_quiet,
                idle: self.drain_idle,
                finish: self.limits.drain_finish,
            },
            ..Settings::default()
        })
    }

    /// Sets logging up.
    pub fn log(&self) {
        use tracing_subscriber::filter::LevelFilter;
        let level = match self.log_level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        };
        // kube's client logs whole responses that it cannot read; hyper and rustls say nothing that helps here.
        let filter = tracing_subscriber::EnvFilter::new(format!("{level},kube_client=off"));
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
        // A panic's message may hold a part of an object; its place says enough.
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string);
            tracing::error!(place, "panic");
        }));
        match self.log_format {
            LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).init(),
            LogFormat::Text => lines.init(),
        }
    }
}

/// No time is longer: a clock that is added to must not overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);
/// The least of a time that must pass: the timers' unit.
const SHORTEST: Duration = Duration::from_millis(1);

/// Reads a time such as `10s`, `1.5s`, `200ms`, `2m`, `12h` or `30d`.
///
/// # Errors
/// Text that is none, with what was expected.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match (number.parse::<f64>(), unit) {
        (Ok(number), "ms") => number / 1000.0,
        (Ok(number), "s") => number,
        (Ok(number), "m") => number * 60.0,
        (Ok(number), "h") => number * 3600.0,
        (Ok(number), "d") => number * 86_400.0,
        _ => return Err(format!("{text:?} is no time; write it like 10s, 500ms, 2m, 12h or 30d")),
    };
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= LONGEST);
    time.ok_or_else(|| format!("{text:?} is longer than 100 years"))
}

/// The same for what cannot be done in no time at all.
///
/// # Errors
/// Text that is no time, or none that lasts.
pub fn lasting(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time < SHORTEST { Err(format!("{text:?} is too short; 1ms is the least")) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use super::{duration, lasting};
    use std::time::Duration;

    #[test]
    fn reads_times_and_says_how_to_write_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(2_592_000)));
        for text in ["", "s", "5", "5y", "-1s", "1e99s", "36501d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        let huge = format!("{}s", "9".repeat(400));
        assert!(duration(&huge).is_err());
    }

    #[test]
    fn refuses_no_time_where_some_must_pass() {
        assert_eq!((duration("0s"), lasting("1ms")), (Ok(Duration::ZERO), Ok(Duration::from_millis(1))));
        for text in ["0s", "0ms", "0.1ms", "x"] {
            assert!(lasting(text).is_err(), "{text}");
        }
    }
}
