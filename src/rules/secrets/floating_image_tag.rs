use crate::engines::{ImageReference, Start};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// Database servers whose version is whatever the registry has at the time.
    ///
    /// ## What it does
    /// Finds known servers whose image has no digest, and no tag or one without a version: `latest`, `alpine`, `bookworm`.
    /// How exact the version is makes no difference, `16` is enough.
    ///
    /// ## Why it matters
    /// A pod that starts on another node takes the version of that day. When it is another major version, many servers
    /// refuse the files that are there, PostgreSQL among them, and others change them so that no older version can read
    /// them again. The replicas of one set may run different versions, and nobody has decided on any of it.
    ///
    /// ## Example
    /// ```yaml
    /// containers:
    ///   - {name: postgres, image: "postgres:latest"}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// containers:
    ///   - {name: postgres, image: "postgres:16.4"}
    /// ```
    ///
    /// ## Fix
    /// None: which version wrote the data is not known.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-floating-image-tag` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "Images", section "Image pull policy": avoid `latest` in production.
    pub FloatingImageTag {
        code: "STS403", name: "floating-image-tag", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for FloatingImageTag {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        for server in &set.servers {
            let reference = server.container.image.as_deref().and_then(ImageReference::parse);
            let Some(reference) = reference.filter(ImageReference::floats) else { continue };
            let name = reference.last_segment();
            // A script of unknown content may serve, or may not.
            let is_sure = server.start != Start::UnknownScript;
            found
                .server(server, server.slot.pointer(StatefulSet::POD).field("image"))
                .say(match reference.tag {
                    Some(tag) => {
                        let shown: String = tag.chars().take(40).collect();
                        format!("{name}:{shown} names no version, so a restart can be a major upgrade")
                    }
                    None => format!("{name} has no tag, so a restart can be a major upgrade"),
                })
                .help(format!("write the version that runs now, for example {name}:<major>.<minor>, or its digest"))
                .at_most(if is_sure { Action::Deny } else { Action::Warn });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::kubernetes::StatefulSet;
    use crate::rule::{Action, Finding, Occasion, Profile};
    use crate::rules::{self, harness};
    use serde_json::{Value, json};

    fn strict(container: &Value) -> Vec<Finding> {
        let pod = json!({"containers": [container]});
        let set: StatefulSet = harness::read(&json!({"spec": {"template": {"spec": pod}}}));
        let subject = Subject::StatefulSet(&set, Change::State);
        let policy = rules::policy(Profile::Strict);
        harness::findings_under(&policy, "STS403", &subject, Occasion::Create, &InMemory::default())
    }

    fn messages(image: &str) -> Vec<String> {
        strict(&json!({"name": "db", "image": image})).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn names_the_tag_that_names_no_version() {
        assert_eq!(messages("postgres"), ["postgres has no tag, so a restart can be a major upgrade"]);
        assert_eq!(messages("redis:alpine"), ["redis:alpine names no version, so a restart can be a major upgrade"]);
        assert!(messages(&format!("postgres:{}", "x".repeat(128)))[0].chars().count() < 112);
    }

    #[test]
    fn accepts_versions_digests_templates_and_servers_that_nobody_knows() {
        for image in ["postgres:16", "postgres@sha256:00", "postgres:{{ .tag }}", "acme/ledger", "acme/ledger:latest"] {
            assert!(messages(image).is_empty(), "{image}");
        }
    }

    #[test]
    fn denies_only_what_is_surely_the_server() {
        let action = |container: &Value| strict(container)[0].action;
        assert_eq!(action(&json!({"name": "db", "image": "postgres"})), Action::Deny);
        assert_eq!(action(&json!({"name": "db", "image": "acme/postgres"})), Action::Warn);
        assert_eq!(action(&json!({"name": "db", "image": "postgres", "command": ["/run.sh"]})), Action::Warn);
        assert!(strict(&json!({"name": "db", "image": "postgres", "command": ["pg_dump"]})).is_empty());
    }

    #[test]
    fn a_tag_that_stays_is_the_old_one() {
        let set = |grace: i64| {
            let pod = json!({"containers": [{"name": "db", "image": "mysql"}], "terminationGracePeriodSeconds": grace});
            json!({"spec": {"template": {"spec": pod}}})
        };
        let found = harness::update("STS403", &set(60), &set(90));
        assert_eq!((found[0].action, found[0].pre_existing), (Action::Audit, true));
    }
}
