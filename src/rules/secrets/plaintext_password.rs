use super::trust_authentication::is_useless;
use crate::engines::{self, Degree, Server};
use crate::kubernetes::{Container, EnvVar, RunsPods, StatefulSet};
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// Passwords written into the manifest.
    ///
    /// ## What it does
    /// Finds literal values of an engine's password variables, and, where a known server runs or data is held, of
    /// variables whose names end like those of secrets (`…PASSWORD`, `…_TOKEN`, `…API_KEY` and others), in all containers.
    /// References to other variables, `*_FILE` variables and switches are fine. The value itself is never shown.
    ///
    /// ## Why it matters
    /// Whoever may read the StatefulSet, its revisions, the repository or a backup of either reads the password. Later
    /// changing it in the manifest does not change it in the database.
    ///
    /// ## Example
    /// ```yaml
    /// env:
    ///   - {name: POSTGRES_PASSWORD, value: example}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// env:
    ///   - name: POSTGRES_PASSWORD
    ///     valueFrom: {secretKeyRef: {name: postgres, key: password}}
    /// ```
    ///
    /// ## Fix
    /// None: the Secret must be made first.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-plaintext-password` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "Good practices for Kubernetes Secrets".
    pub PlaintextPassword {
        code: "STS401", name: "plaintext-password", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for PlaintextPassword {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let matters = set.main().is_some() || set.holds_data();
        for (place, container) in set.pod().all_containers() {
            for (index, entry) in container.env.iter().enumerate().filter(|(_, entry)| is_literal(entry)) {
                let server = server_of(set, container, &entry.name);
                if server.is_some_and(|server| is_useless(server, cx)) {
                    continue; // Nobody is asked for it: the business of STS402.
                }
                let engine = server.map(|server| server.degree);
                let by_name = matters && engines::is_secret_variable(&entry.name);
                if engine.is_none() && !by_name {
                    continue;
                }
                let at = place.pointer(StatefulSet::POD).field("env").index(index).field("value");
                let assumed = !by_name && engine.is_some_and(|degree| degree < Degree::Official);
                found
                    .part(&format!("{}/{}", container.name, entry.name), at)
                    .say(format!("{} is written into the manifest", entry.name))
                    .help("put it into a Secret and refer to it by valueFrom.secretKeyRef")
                    .at_most(if assumed { Action::Warn } else { Action::Deny });
            }
        }
    }
}

/// The server in this container whose password the variable is.
fn server_of<'w, 'a>(
    set: &'w Workload<'a, StatefulSet>,
    container: &Container,
    variable: &str,
) -> Option<&'w Server<'a>> {
    let mut servers = set.servers.iter().filter(|server| std::ptr::eq(server.container, container));
    servers.find(|server| server.engine.password_variables.contains(&variable))
}

/// A value that can be a secret: neither empty nor a reference to another variable, no switch, no path of a file.
fn is_literal(entry: &EnvVar) -> bool {
    let value = entry.value.as_deref().unwrap_or_default();
    let switch =
        ["yes", "no", "true", "false", "on", "off", "0", "1"].iter().any(|word| value.eq_ignore_ascii_case(word));
    let path = value.starts_with('/') && value[1..].contains('/');
    entry.value_from.is_none() && !value.is_empty() && !value.contains("$(") && !switch && !path
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn created(image: &str, env: &Value) -> Vec<String> {
        let pod = json!({"containers": [{"name": "db", "image": image, "env": env}]});
        harness::create("STS401", &json!({"spec": {"template": {"spec": pod}}}))
    }

    #[test]
    fn finds_a_literal_without_showing_it() {
        let found = created("postgres:16", &json!([{"name": "POSTGRES_PASSWORD", "value": "hunter2"}]));
        assert_eq!(found, ["POSTGRES_PASSWORD is written into the manifest"]);
    }

    #[test]
    fn finds_names_that_end_like_secrets_and_literals_that_a_later_entry_overrides() {
        let env = json!([{"name": "BACKUP_ACCESS_KEY", "value": "x"}, {"name": "BACKUP_ACCESS_KEY", "value": ""}]);
        assert_eq!(created("postgres:16", &env).len(), 1);
    }

    #[test]
    fn leaves_a_password_that_nobody_is_asked_for_to_the_rule_about_that() {
        let env = json!([
            {"name": "POSTGRES_HOST_AUTH_METHOD", "value": "trust"}, {"name": "POSTGRES_PASSWORD", "value": "x"},
            {"name": "BACKUP_ACCESS_KEY", "value": "x"},
        ]);
        assert_eq!(created("postgres:16", &env), ["BACKUP_ACCESS_KEY is written into the manifest"]);
        let env = json!([
            {"name": "MYSQL_ALLOW_EMPTY_PASSWORD", "value": "yes"}, {"name": "MYSQL_PASSWORD", "value": "x"},
        ]);
        assert_eq!(created("mysql:8.4", &env), ["MYSQL_PASSWORD is written into the manifest"]);
    }

    #[test]
    fn accepts_references_files_switches_and_servers_that_nobody_knows() {
        for env in [
            json!([{"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "pg", "key": "password"}}}]),
            json!([{"name": "POSTGRES_PASSWORD", "value": "$(OTHER)"}]),
            json!([{"name": "POSTGRES_PASSWORD_FILE", "value": "/run/secret"}]),
            json!([{"name": "MYSQL_RANDOM_ROOT_PASSWORD", "value": "yes"}]),
            json!([{"name": "RABBITMQ_UPDATE_PASSWORD", "value": "no"}]),
            json!([{"name": "VAULT_TOKEN", "value": "/run/secrets/token"}]),
            json!([{"name": "ETCD_INITIAL_CLUSTER_TOKEN", "value": "etcd-1"}]),
        ] {
            assert!(created("postgres:16", &env).is_empty(), "{env}");
        }
        assert!(created("acme/web:1", &json!([{"name": "SMTP_PASSWORD", "value": "x"}])).is_empty());
    }
}
