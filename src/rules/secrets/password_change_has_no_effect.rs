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
#[path = "password_change_has_no_effect_tests.rs"]
mod tests;
