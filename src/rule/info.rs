//! What the catalogue says of a rule, and the `rule!` macro that writes it.

use super::hook::Hook;
use super::parameter::Parameter;
use super::policy::Setting;
use crate::exemption::EXEMPTION_PREFIX;

/// What the catalogue says of a rule.
#[derive(Debug)]
pub struct Info {
    /// The code, never reused: `STS101`.
    pub code: &'static str,
    /// The name, which is the bad pattern: `non-headless-service`.
    pub name: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// What it looks at; no other hook of it is run.
    pub hooks: &'static [Hook],
    /// The settings under baseline, recommended and strict.
    pub defaults: [Setting; 3],
    /// What a policy may set besides action and fix.
    pub parameters: &'static [Parameter],
    /// The documentation: a summary line, then sections in Markdown.
    pub docs: &'static str,
}

impl Info {
    /// The first line of the documentation.
    pub fn summary(&self) -> &'static str {
        self.docs.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// The annotation that exempts an object from this rule; its value is the reason.
    pub fn exemption(&self) -> String {
        format!("{EXEMPTION_PREFIX}{}", self.name)
    }
}

/// A rule's entry in the catalogue; the `rule!` macro writes it.
pub trait Described {
    /// What the catalogue says of this rule.
    fn info(&self) -> &'static Info;
}

/// Declares a rule: its documentation becomes data, so that rustdoc, `stsguard rules` and docs/rules are one text.
///
/// `hooks` names what it looks at: the hooks of [`Rule`](crate::rule::Rule) that it implements. The defaults are the
/// actions under baseline, recommended and strict; `+ fix` lets admission make the safe fix. `parameters` may be left out.
macro_rules! rule {
    (
        $(#[doc = $doc:expr])+
        pub $rule:ident {
            code: $code:literal, name: $name:literal, since: $since:literal,
            hooks: [$($hook:ident),+ $(,)?],
            default: [$baseline:ident $(+ $bfix:ident)?, $recommended:ident $(+ $rfix:ident)?, $strict:ident $(+ $sfix:ident)?]
            $(, parameters: [$($parameter:expr),+ $(,)?])? $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub struct $rule;

        impl $crate::rule::Described for $rule {
            fn info(&self) -> &'static $crate::rule::Info {
                static INFO: $crate::rule::Info = $crate::rule::Info {
                    code: $code,
                    name: $name,
                    since: $since,
                    hooks: &[$($crate::rule::Hook::$hook),+],
                    defaults: [
                        $crate::rule::rule!(@setting $baseline $($bfix)?),
                        $crate::rule::rule!(@setting $recommended $($rfix)?),
                        $crate::rule::rule!(@setting $strict $($sfix)?),
                    ],
                    parameters: &[$($($parameter),+)?],
                    docs: concat!($($doc, "\n"),+),
                };
                &INFO
            }
        }
    };
    (@setting $action:ident) => {
        $crate::rule::Setting { action: $crate::rule::Action::$action, fix: false }
    };
    (@setting $action:ident fix) => {
        $crate::rule::Setting { action: $crate::rule::Action::$action, fix: true }
    };
}
pub(crate) use rule;
