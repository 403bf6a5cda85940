//! A container's environment, as the kubelet would build it, as far as a manifest shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kubernetes::Container;

/// Looks a ConfigMap's data up by its name; `None` when it is not known.
pub type ConfigMaps<'a> = dyn Fn(&str) -> Option<Arc<BTreeMap<String, String>>> + 'a;

/// What is known of a variable's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Variable {
    /// Nobody sets it, or it is set to nothing.
    Unset,
    /// Its value.
    Literal(String),
    /// It comes from somewhere that cannot be seen.
    Unknown,
}

/// The value of `name` in `container`: of several entries the last counts, `env` beats `envFrom`.
///
/// A Secret in `envFrom` is taken not to set it: Secrets hold secrets, and none can be seen.
pub fn variable(container: &Container, name: &str, config_maps: &ConfigMaps<'_>) -> Variable {
    if let Some(index) = container.env.iter().rposition(|entry| entry.name == name) {
        let entry = &container.env[index];
        if entry.value_from.is_some() {
            return Variable::Unknown;
        }
        return match expand(container, index, entry.value.as_deref().unwrap_or_default(), 0) {
            Some(value) if value.is_empty() => Variable::Unset,
            Some(value) => Variable::Literal(value),
            None => Variable::Unknown,
        };
    }
    for source in container.env_from.iter().rev() {
        let Some(reference) = &source.config_map_ref else { continue };
        let Some(data) = config_maps(&reference.name) else { return Variable::Unknown };
        let key = name.strip_prefix(source.prefix.as_str());
        if let Some(value) = key.and_then(|key| data.get(key)) {
            return if value.is_empty() { Variable::Unset } else { Variable::Literal(value.clone()) };
        }
    }
    Variable::Unset
}

/// How deep references may refer to references; real manifests need one or two.
const DEPTH: usize = 8;
/// How long an expanded value may get: each reference can double it.
const LENGTH: usize = 4096;

/// Expands `$(NAME)` from the entries before `index`; `$$(` is a literal `$(`; `None` when something cannot be seen.
fn expand(container: &Container, index: usize, text: &str, depth: usize) -> Option<String> {
    if depth > DEPTH {
        return None;
    }
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        expanded.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(escaped) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = escaped;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            let earlier = container.env[..index].iter().rposition(|entry| entry.name == name)?;
            let entry = &container.env[earlier];
            if entry.value_from.is_some() {
                return None;
            }
            let value = entry.value.as_deref().unwrap_or_default();
            expanded.push_str(&expand(container, earlier, value, depth + 1)?);
            rest = after;
        } else {
            expanded.push('$');
        }
        if expanded.len() > LENGTH {
            return None;
        }
    }
    expanded.push_str(rest);
    (expanded.len() <= LENGTH).then_some(expanded)
}

/// How the names of secrets end.
const SECRET_ENDINGS: &[&str] =
    &["PASSWORD", "PASSWD", "_PASS", "_TOKEN", "SECRET_KEY", "ACCESS_KEY", "API_KEY", "PRIVATE_KEY"];

/// Whether a variable's name says that its value is a secret, by how it ends.
///
/// Switches (`MYSQL_ALLOW_EMPTY_PASSWORD`, `…_RANDOM_ROOT_PASSWORD`) and a few well-known names are none.
pub fn is_secret_variable(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let is_switch = ["ALLOW_EMPTY", "RANDOM", "ENABLE", "DISABLE", "REQUIRE", "USE_", "NO_PASSWORD", "SKIP"]
        .iter()
        .any(|word| upper.contains(word));
    // A cluster's name and the description of a token's format.
    let is_none = matches!(upper.as_str(), "ETCD_INITIAL_CLUSTER_TOKEN" | "ETCD_AUTH_TOKEN");
    !is_switch && !is_none && SECRET_ENDINGS.iter().any(|ending| upper.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(container: &Value, config_map: Option<&Value>) -> Variable {
        let container: Container = serde_json::from_value(container.clone()).expect("a container");
        let data: Option<BTreeMap<String, String>> =
            config_map.map(|data| serde_json::from_value(data.clone()).expect("data"));
        variable(&container, "PGDATA", &|_| data.clone().map(Arc::new))
    }

    fn literal(value: &str) -> Variable {
        Variable::Literal(value.to_owned())
    }

    #[test]
    fn the_last_entry_counts_and_empty_is_unset() {
        let env = json!({"env": [{"name": "PGDATA", "value": "/a"}, {"name": "PGDATA", "value": "/b"}]});
        assert_eq!(read(&env, None), literal("/b"));
        assert_eq!(read(&json!({"env": [{"name": "PGDATA", "value": ""}]}), None), Variable::Unset);
        assert_eq!(read(&json!({"env": [{"name": "PGDATA", "valueFrom": {}}]}), None), Variable::Unknown);
    }

    #[test]
    fn expands_earlier_literals_only() {
        let env = |value: &str| json!({"env": [{"name": "ROOT", "value": "/db"}, {"name": "PGDATA", "value": value}]});
        assert_eq!(read(&env("$(ROOT)/pg"), None), literal("/db/pg"));
        assert_eq!(read(&env("$$(ROOT)/pg"), None), literal("$(ROOT)/pg"));
        assert_eq!(read(&env("$(LATER)/pg"), None), Variable::Unknown);
        assert_eq!(read(&env("a$b"), None), literal("a$b"));
    }

    #[test]
    fn reads_config_maps_that_are_seen_and_takes_unseen_ones_for_unknown() {
        let from = json!({"envFrom": [{"configMapRef": {"name": "settings"}}]});
        assert_eq!(read(&from, Some(&json!({"PGDATA": "/cm"}))), literal("/cm"));
        assert_eq!(read(&from, Some(&json!({"OTHER": "x"}))), Variable::Unset);
        assert_eq!(read(&from, None), Variable::Unknown);
        assert_eq!(read(&json!({"envFrom": [{"secretRef": {"name": "s"}}]}), None), Variable::Unset);
    }

    #[test]
    fn knows_secrets_by_how_they_end() {
        for name in ["DB_PASSWORD", "SMTP_PASS", "GITHUB_TOKEN", "aws_secret_access_key", "STRIPE_API_KEY"] {
            assert!(is_secret_variable(name), "{name}");
        }
        for name in ["MYSQL_ALLOW_EMPTY_PASSWORD", "DB_PASSWORD_FILE", "ETCD_INITIAL_CLUSTER_TOKEN", "PASSWORD_HINT"] {
            assert!(!is_secret_variable(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_grows_without_bound(values in prop::collection::vec("(\\$\\(A\\)|\\$|\\(|A|\\PC){0,20}", 0..20)) {
            let env: Vec<_> = values.iter().map(|value| json!({"name": "A", "value": value})).collect();
            let container: Container = serde_json::from_value(json!({ "env": env })).expect("a container");
            if let Variable::Literal(value) = variable(&container, "A", &|_| None) {
                prop_assert!(value.len() <= LENGTH);
            }
        }
    }
}
