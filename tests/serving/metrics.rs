//! `/metrics`: text that Prometheus can read, with the names that dashboards and alerts rely on.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Read;
use super::api::Api;
use super::client::post;
use super::objects::{service, set_creation};
use super::patience::until;
use super::served::Served;

/// What docs/metrics.md says: each family's type and labels.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let page = include_str!("../../docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let parsed = rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert!(cells.len() == 6 && !cells[3].is_empty(), "name, type, labels, meaning, alert: {row}");
        (cells[0].trim_end_matches('`').to_owned(), (cells[1].to_owned(), quoted(cells[2])))
    });
    parsed.collect()
}

/// The labels of a sample, `le` of a histogram left out.
fn labels(sample: &str) -> BTreeSet<String> {
    let inner = sample.split_once('{').map_or("", |(_, rest)| rest.trim_end_matches('}'));
    let names = inner.split(',').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name.to_owned());
    names.filter(|name| name != "le").collect()
}

/// The families with their types and samples, each line checked against the format.
fn parse(text: &str) -> BTreeMap<String, (String, Vec<(String, f64)>)> {
    let mut families: BTreeMap<String, (String, Vec<_>)> = BTreeMap::new();
    let mut current = String::new();
    assert!(text.ends_with("# EOF\n"), "OpenMetrics ends with a mark");
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(about) = line.strip_prefix("# ") {
            let (word, rest) = about.split_once(' ').expect("a word and a name");
            let (name, said) = rest.split_once(' ').expect("a name and what is said");
            assert!(["HELP", "TYPE", "UNIT"].contains(&word), "{line}");
            if word == "TYPE" {
                assert!(
                    families.insert(name.to_owned(), (said.to_owned(), Vec::new())).is_none(),
                    "{name} comes twice"
                );
            }
            name.clone_into(&mut current);
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect("a sample and a value");
        let name = sample.split('{').next().unwrap_or_default();
        assert!(name.starts_with(&current), "{line} is not of {current}");
        assert!(sample.len() == name.len() || sample.ends_with('}'), "{line}");
        let value = value.parse().expect("a value is a number");
        families.get_mut(&current).expect("a type comes first").1.push((sample.to_owned(), value));
    }
    families
}

#[tokio::test]
async fn the_page_of_metrics_names_every_metric_and_nothing_else() {
    let api = Api::default();
    api.put("services", &service("db", false));
    let served = Served::ready_with(api, |_| {}).await;
    let mut connection = served.connect().await;
    connection.review("/validate", &set_creation()).await;
    connection.review("/mutate", &set_creation()).await;
    connection.exchange(&post("/elsewhere", b"")).await.expect("it is answered");
    let response = served.admin("/metrics").await;
    assert!(response.header("content-type").is_some_and(|media| media.starts_with("application/openmetrics-text")));
    let families = parse(response.text());
    let found = families.iter().map(|(name, (kind, samples))| {
        let labels = samples.iter().flat_map(|(sample, _)| labels(sample)).collect();
        (name.clone(), (kind.clone(), labels))
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), documented(), "docs/metrics.md is not current");
    for (name, (_, samples)) in &families {
        assert!(!samples.is_empty(), "{name} has a value");
    }
}

#[tokio::test]
async fn counts_what_has_been_done() {
    let api = Api::default();
    api.put("services", &service("db", true));
    let served = Served::ready_with(api, |_| {}).await;
    let mut connection = served.connect().await;
    connection.review("/validate", &set_creation()).await;
    connection.exchange(&post("/validate", b"nonsense")).await.expect("it is answered");
    connection.exchange(&post("/elsewhere", b"")).await.expect("it is answered");
    for (sample, value) in [
        ("stsguard_requests_total{endpoint=\"validate\",code=\"200\"}", 1.0),
        ("stsguard_requests_total{endpoint=\"validate\",code=\"400\"}", 1.0),
        ("stsguard_requests_total{endpoint=\"other\",code=\"404\"}", 1.0),
        ("stsguard_review_duration_seconds_count{endpoint=\"validate\"}", 1.0),
        ("stsguard_store_objects{store=\"services\"}", 1.0),
        ("stsguard_store_malformed{store=\"services\"}", 0.0),
        ("stsguard_connections", 1.0),
        ("stsguard_in_flight", 0.0),
        ("stsguard_panics_total", 0.0),
    ] {
        let found = served.metric(sample).await;
        assert!((found - value).abs() < 1e-9, "{sample} is {found}");
    }
}

#[tokio::test]
async fn says_which_watch_is_broken_until_it_goes_on() {
    let api = Api::default();
    api.list("services", Some(Read::Status(500)));
    let served = Served::start(api, |_| {}).await;
    let (services, sets) =
        ("stsguard_store_broken{store=\"services\"}", "stsguard_store_broken{store=\"statefulsets\"}");
    until("the fault", async || served.counts(services, 1.0).await).await;
    assert!(!served.counts(sets, 1.0).await);
    served.api.list("services", None);
    served.becomes_ready().await;
    assert!(!served.counts(services, 1.0).await);
}

#[tokio::test]
async fn the_admin_port_serves_probes_and_metrics_alone() {
    let served = Served::ready().await;
    for path in ["/live", "/ready", "/metrics"] {
        assert_eq!(served.admin(path).await.status, 200, "{path}");
    }
    for path in ["/", "/validate", "/mutate", "/debug/pprof", "/live/"] {
        assert_eq!(served.admin(path).await.status, 404, "{path}");
    }
}
