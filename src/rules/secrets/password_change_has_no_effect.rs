use crate::engines::{Degree, Start, Variable, variable};
use crate::kubernetes::RunsPods;
use crate::kubernetes::StatefulSet;
use crate::rule::{Action, Context, Findings, Rule, Update, config_map, rule};
use crate::rules::storage::goes_on;

rule! {
    /// New passwords that the server will never read.
    ///
    /// ## What it does
    /// When an update changes the value of a variable that the image reads only to make new data, such as
    /// `POSTGRES_PASSWORD` or `MYSQL_ROOT_PASSWORD`, and the server goes on with the data that is there. It compares values
    /// that can be seen; a password that only moves into a Secret is fine. The values themselves are never shown.
    ///
    /// ## Why it matters
    /// The pods restart, and the old password stays the one that works. Whoever changed it because it had leaked believes
    /// it gone; clients that take the new one from the same place are locked out.
    ///
    /// ## Example
    /// ```yaml
    /// env:
    ///   - {name: POSTGRES_PASSWORD, value: new}   # was: old
    /// ```
    ///
    /// ## Use instead
    /// Change the password in the server first, for example `ALTER ROLE postgres PASSWORD '…'`, then in the Secret that the
    /// variable refers to, so that a new volume gets the same.
    ///
    /// ## Fix
    /// None: the password is in the data.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-password-change-has-no-effect` on the StatefulSet, for example while the password is being
    /// changed in the server as well.
    ///
    /// ## References
    /// - docker-library/docs, postgres, "Initialization scripts" and the note on environment variables;
    ///   docker-library/rabbitmq#150; opensearch-project/security#4602.
    pub PasswordChangeHasNoEffect {
        code: "STS405", name: "password-change-has-no-effect", since: "0.1",
        hooks: [StatefulSetUpdate],
        default: [Off, Warn, Warn]
    }
}

impl Rule for PasswordChangeHasNoEffect {
    fn stateful_set_update(&self, change: &Update<'_, '_>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for after in &change.new.servers {
            // Somebody's own image of that name may read the variable each time.
            if after.start == Start::UnknownScript || after.degree == Degree::Namesake {
                continue;
            }
            let Some(before) = change.before(after).filter(|before| goes_on(change, before, after, cx)) else {
                continue;
            };
            for name in after.engine.init_only_variables {
                let value = |container| variable(container, name, &|map| config_map(cx, map));
                let (Variable::Literal(old), Variable::Literal(new)) =
                    (value(before.container), value(after.container))
                else {
                    continue;
                };
                if old == new {
                    continue;
                }
                let env = after.slot.pointer(StatefulSet::POD).field("env");
                let index = after.container.env.iter().rposition(|entry| entry.name == **name);
                found
                    .part(
                        &format!("{}/{name}", after.container.name),
                        match index {
                            Some(index) => env.index(index).field("value"),
                            None => env,
                        },
                    )
                    .say(format!("{} reads {name} only to make new data: the old password stays", after.engine.title))
                    .help(format!("change it in {} itself first, then here", after.engine.title))
                    .at_most(Action::Warn);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rule::Finding;
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn set(image: &str, path: &str, container: &Value) -> Value {
        let mut container = container.clone();
        container["name"] = json!("db");
        container["image"] = json!(image);
        container["volumeMounts"] = json!([{"name": "data", "mountPath": path}]);
        let templates = json!([{"metadata": {"name": "data"}}]);
        json!({"spec": {"template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": templates}})
    }

    fn password(name: &str, value: &str) -> Value {
        json!({"env": [{"name": name, "value": value}]})
    }

    fn changed(image: &str, path: &str, name: &str) -> Vec<Finding> {
        harness::update(
            "STS405",
            &set(image, path, &password(name, "old-1")),
            &set(image, path, &password(name, "new-2")),
        )
    }

    #[test]
    fn finds_a_new_value_without_showing_either() {
        let found = changed("postgres:16", "/var/lib/postgresql/data", "POSTGRES_PASSWORD");
        assert_eq!(
            found[0].message,
            "PostgreSQL reads POSTGRES_PASSWORD only to make new data: the old password stays"
        );
        assert_eq!(found[0].pointer.as_str(), "/spec/template/spec/containers/0/env/0/value");
        for (image, path, name) in [
            ("postgres", "/var/lib/postgresql/data", "POSTGRES_PASSWORD"),
            ("mysql:8.4", "/var/lib/mysql", "MYSQL_ROOT_PASSWORD"),
            ("mariadb:11", "/var/lib/mysql", "MARIADB_PASSWORD"),
            ("mongo:7", "/data/db", "MONGO_INITDB_ROOT_PASSWORD"),
            ("rabbitmq:4", "/var/lib/rabbitmq", "RABBITMQ_DEFAULT_PASS"),
            ("influxdb:2.7", "/var/lib/influxdb2", "DOCKER_INFLUXDB_INIT_PASSWORD"),
        ] {
            let text = format!("{:?}", changed(image, path, name));
            assert!(text.contains(name) && !text.contains("old-1") && !text.contains("new-2"), "{text}");
        }
    }

    #[test]
    fn accepts_passwords_that_are_read_each_time_and_images_that_nobody_knows() {
        assert!(changed("redis:7", "/data", "REDIS_PASSWORD").is_empty());
        assert!(changed("acme/postgres:16", "/var/lib/postgresql/data", "POSTGRES_PASSWORD").is_empty());
        assert!(changed("postgres:16", "/var/lib/postgresql/data", "APP_PASSWORD").is_empty());
    }

    #[test]
    fn accepts_another_way_to_deliver_it() {
        let at = |container: &Value| set("postgres:16", "/var/lib/postgresql/data", container);
        let literal = at(&password("POSTGRES_PASSWORD", "x"));
        let secret = json!({"env": [{"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "a"}}}]});
        let by_file = json!({"env": [{"name": "POSTGRES_PASSWORD_FILE", "value": "/run/x"}]});
        let by_reference = json!({"env": [
            {"name": "PW", "value": "x"}, {"name": "POSTGRES_PASSWORD", "value": "$(PW)"},
        ]});
        let twice = json!({"env": [
            {"name": "POSTGRES_PASSWORD", "value": "y"}, {"name": "POSTGRES_PASSWORD", "value": "x"},
        ]});
        for other in [secret, by_file, by_reference, twice, json!({"envFrom": [{"secretRef": {}}]}), json!({})] {
            for (old, new) in [(&literal, &at(&other)), (&at(&other), &literal)] {
                assert!(harness::update("STS405", old, new).is_empty(), "{other}");
            }
        }
    }

    #[test]
    fn accepts_it_where_new_data_is_made() {
        let emptied = |value: &str| {
            let mut set = set("postgres:16", "/var/lib/postgresql/data", &password("POSTGRES_PASSWORD", value));
            set["spec"]["volumeClaimTemplates"] = json!([]);
            set["spec"]["template"]["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
            set
        };
        assert!(harness::update("STS405", &emptied("old"), &emptied("new")).is_empty());
        let old = set("postgres:16", "/var/lib/postgresql/data", &password("POSTGRES_PASSWORD", "old"));
        let mut new = set("postgres:16", "/var/lib/postgresql/data", &password("POSTGRES_PASSWORD", "new"));
        let elsewhere = json!({"name": "PGDATA", "value": "/var/lib/postgresql/data/second"});
        new["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().expect("a list").push(elsewhere);
        assert!(harness::update("STS405", &old, &new).is_empty(), "STS202 has said that the data moves");
    }
}
