//! How a server is asked whether it serves: the readinessProbe of its engine, and who says that it is right.

use std::fmt::Write as _;

use serde_json::json;

/// A readinessProbe for servers of an engine that works without a secret, or says what it needs.
#[derive(Debug, Clone, Copy)]
pub struct Readiness {
    /// The first and the last major that it is for; `None` for all, unknown ones too.
    pub majors: Option<(u32, u32)>,
    /// What is asked.
    pub asks: Asks,
    /// Seconds that an answer may take, where Kubernetes' one second is too few.
    pub timeout: Option<u8>,
    /// When it succeeds: half a sentence about the server.
    pub succeeds: &'static str,
    /// What to change or to see to first, where that may be needed.
    pub note: Option<&'static str>,
    /// Whether it fails as long as the server has found none of its peers, which is for ever where pods start in order.
    pub waits_for_peers: bool,
    /// Who says so.
    pub source: &'static str,
}

/// What a probe asks.
#[derive(Debug, Clone, Copy)]
pub enum Asks {
    /// A command in the container.
    Exec(&'static [&'static str]),
    /// A path over HTTP.
    Http(&'static str, u16),
    /// A path over HTTPS, whose certificate is not verified.
    Https(&'static str, u16),
    /// A port, which must be open.
    Tcp(u16),
}

impl Readiness {
    /// A probe for all majors that looks at the server alone.
    pub(super) const fn new(asks: Asks, succeeds: &'static str, source: &'static str) -> Self {
        Self { majors: None, asks, timeout: None, succeeds, note: None, waits_for_peers: false, source }
    }

    /// The same with more seconds for an answer.
    pub(super) const fn within(self, seconds: u8) -> Self {
        Self { timeout: Some(seconds), ..self }
    }

    /// The same with a note.
    pub(super) const fn noting(self, note: &'static str) -> Self {
        Self { note: Some(note), ..self }
    }

    /// The same for these majors alone.
    pub(super) const fn of_majors(self, first: u32, last: u32) -> Self {
        Self { majors: Some((first, last)), ..self }
    }

    /// The same for a server that is not ready without its peers.
    pub(super) const fn with_peers(self) -> Self {
        Self { waits_for_peers: true, ..self }
    }

    /// The first that is for this major; pods that start in order are not asked what waits for peers, if there is another.
    pub(super) fn choose(ways: &'static [Self], major: Option<u32>, in_order: bool) -> Option<&'static Self> {
        let fitting = || ways.iter().filter(|way| way.is_for(major));
        fitting().find(|way| !in_order || !way.waits_for_peers).or_else(|| fitting().next())
    }

    /// Whether it is for this major; what is for some alone is not for an unknown one.
    fn is_for(&self, major: Option<u32>) -> bool {
        self.majors.is_none_or(|(first, last)| major.is_some_and(|major| (first..=last).contains(&major)))
    }

    /// The field of a container, as YAML in one line.
    pub fn yaml(&self) -> String {
        let mut probe = match self.asks {
            Asks::Exec(command) => {
                format!(
                    "exec: {{command: [{}]}}",
                    command.iter().map(|word| scalar(word)).collect::<Vec<_>>().join(", ")
                )
            }
            Asks::Http(path, port) => format!("httpGet: {{path: {}, port: {port}}}", scalar(path)),
            Asks::Https(path, port) => format!("httpGet: {{path: {}, port: {port}, scheme: HTTPS}}", scalar(path)),
            Asks::Tcp(port) => format!("tcpSocket: {{port: {port}}}"),
        };
        if let Some(seconds) = self.timeout {
            let _ = write!(probe, ", timeoutSeconds: {seconds}");
        }
        format!("readinessProbe: {{{probe}}}")
    }
}

/// A string as a scalar inside brackets: quoted where YAML would read something else.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || "/-".contains(c))
        && text.len() > 1
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
    let address = text.split('.').count() == 4 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain || address { text.to_owned() } else { json!(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::engines;
    use k8s_openapi::api::core::v1::{Container, Probe};

    fn read(readiness: &Readiness) -> Probe {
        let yaml = readiness.yaml();
        let mut container = crate::yaml::documents(&yaml)[0].read().expect("it is YAML").value;
        container["name"] = json!("db");
        let container: Container = serde_json::from_value(container).expect("it is a field of a container");
        container.readiness_probe.expect("it has the probe")
    }

    #[test]
    fn kubernetes_reads_each_as_it_is_meant() {
        let own = |engine: &'static crate::engines::Engine| engine.images.iter().flat_map(|image| image.readiness);
        for readiness in engines().flat_map(|engine| engine.readiness.iter().chain(own(engine))) {
            let probe = read(readiness);
            assert_eq!(probe.timeout_seconds, readiness.timeout.map(i32::from), "{readiness:?}");
            match readiness.asks {
                Asks::Exec(command) => {
                    let found = probe.exec.and_then(|exec| exec.command).unwrap_or_default();
                    assert_eq!(found, command, "{readiness:?}");
                }
                Asks::Http(path, port) | Asks::Https(path, port) => {
                    let get = probe.http_get.expect("it asks by HTTP");
                    let scheme = matches!(readiness.asks, Asks::Https(..)).then_some("HTTPS");
                    assert_eq!((get.path.as_deref(), get.scheme.as_deref()), (Some(path), scheme));
                    assert_eq!(json!(get.port), json!(port));
                }
                Asks::Tcp(port) => assert_eq!(json!(probe.tcp_socket.expect("it asks a port").port), json!(port)),
            }
        }
    }

    #[test]
    fn quotes_what_yaml_would_read_as_something_else() {
        for (text, expected) in [
            ("pg_isready", "pg_isready"),
            ("-h", "-h"),
            ("127.0.0.1", "127.0.0.1"),
            ("y", "\"y\""),
            ("-", "\"-\""),
            ("8.0", "\"8.0\""),
            ("a: b", "\"a: b\""),
            ("echo \"x\"", "\"echo \\\"x\\\"\""),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }

    #[test]
    fn every_engine_has_one_but_those_whose_image_runs_different_servers() {
        let without: Vec<_> = engines().filter(|engine| engine.readiness.is_empty()).map(|engine| engine.id).collect();
        assert_eq!(without, ["yugabytedb"]);
    }

    #[test]
    fn what_is_for_some_majors_is_not_for_an_unknown_one() {
        let some = Readiness::new(Asks::Tcp(1), "it is asked", "this test").of_majors(6, 8);
        assert!(some.is_for(Some(6)) && some.is_for(Some(8)));
        assert!(!some.is_for(Some(5)) && !some.is_for(Some(9)) && !some.is_for(None));
        let any = Readiness::new(Asks::Tcp(1), "it is asked", "this test");
        assert!(any.is_for(Some(5)) && any.is_for(None));
    }
}
