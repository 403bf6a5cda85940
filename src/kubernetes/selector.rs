//! Label selectors.

use serde::Deserialize;

use super::{Labels, nullable};

/// Selects objects by their labels; an empty one selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must be carried with these values.
    #[serde(default, deserialize_with = "nullable")]
    pub match_labels: Labels,
    /// What else must hold.
    #[serde(default, deserialize_with = "nullable")]
    pub match_expressions: Vec<Requirement>,
}

/// What must hold for one label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Requirement {
    /// The label's key.
    #[serde(default, deserialize_with = "nullable")]
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    #[serde(default, deserialize_with = "nullable")]
    pub operator: String,
    /// What `In` and `NotIn` compare with.
    #[serde(default, deserialize_with = "nullable")]
    pub values: Vec<String>,
}

/// Labels that a StatefulSet's controller gives to each pod, with values that no template tells.
const OF_PODS: [&str; 3] =
    ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "controller-revision-hash"];

impl LabelSelector {
    /// Whether it selects the pods of a set whose template has these labels; `None` where that cannot be told.
    pub fn selects_pods(&self, labels: &Labels) -> Option<bool> {
        self.selects(labels, |key| !OF_PODS.contains(&key))
    }

    /// Whether nothing is required.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether it selects what carries these labels; `None` where an operator, or a label of which this says that it is
    /// not known, leaves it open.
    pub fn selects(&self, labels: &Labels, is_known: impl Fn(&str) -> bool) -> Option<bool> {
        let carried =
            self.match_labels.iter().map(|(key, value)| is_known(key).then(|| labels.get(key) == Some(value)));
        let expressed = self.match_expressions.iter().map(|requirement| {
            is_known(&requirement.key).then(|| requirement.holds(labels.get(&requirement.key))).flatten()
        });
        let mut all = Some(true);
        for holds in carried.chain(expressed) {
            match holds {
                Some(true) => {}
                // One that surely fails is enough.
                Some(false) => return Some(false),
                None => all = None,
            }
        }
        all
    }

    /// Whether the other surely selects whatever this one selects: it asks for nothing that this one does not ask for.
    pub fn is_within(&self, other: &Self) -> bool {
        other.match_labels.iter().all(|(key, value)| self.match_labels.get(key) == Some(value))
            && other.match_expressions.iter().all(|requirement| self.match_expressions.contains(requirement))
    }
}

impl Requirement {
    fn holds(&self, value: Option<&String>) -> Option<bool> {
        let is_listed = || value.is_some_and(|value| self.values.contains(value));
        match self.operator.as_str() {
            "In" => Some(is_listed()),
            "NotIn" => Some(!is_listed()),
            "Exists" => Some(value.is_some()),
            "DoesNotExist" => Some(value.is_none()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn selector(selector: &Value) -> LabelSelector {
        serde_json::from_value(selector.clone()).expect("a selector")
    }

    fn selects(key: &str, operator: &str, values: &[&str]) -> Option<bool> {
        let labels = [("app".to_owned(), "db".to_owned())].into();
        let expression = json!({"key": key, "operator": operator, "values": values});
        selector(&json!({"matchExpressions": [expression]})).selects(&labels, |key| key != "pod")
    }

    #[test]
    fn honours_each_operator() {
        assert_eq!(selects("app", "In", &["db", "web"]), Some(true));
        assert_eq!((selects("app", "In", &["web"]), selects("tier", "In", &["db"])), (Some(false), Some(false)));
        assert_eq!((selects("app", "NotIn", &["db"]), selects("app", "NotIn", &["web"])), (Some(false), Some(true)));
        assert_eq!(selects("tier", "NotIn", &["db"]), Some(true));
        assert_eq!((selects("app", "Exists", &[]), selects("tier", "Exists", &[])), (Some(true), Some(false)));
        assert_eq!(
            (selects("app", "DoesNotExist", &[]), selects("tier", "DoesNotExist", &[])),
            (Some(false), Some(true))
        );
        assert_eq!(selects("app", "Gt", &["1"]), None);
        assert_eq!(selects("pod", "Exists", &[]), None);
    }

    #[test]
    fn takes_what_surely_fails_before_what_is_open() {
        let labels = [("app".to_owned(), "db".to_owned())].into();
        let open = json!({"key": "x", "operator": "Near"});
        let of = |app: &str| selector(&json!({"matchLabels": {"app": app}, "matchExpressions": [open]}));
        assert_eq!((of("web").selects(&labels, |_| true), of("db").selects(&labels, |_| true)), (Some(false), None));
        assert_eq!(selector(&json!({"matchLabels": null})).selects(&labels, |_| true), Some(true));
    }

    #[test]
    fn is_within_one_that_asks_for_less() {
        let (wide, narrow) =
            (json!({"matchLabels": {"app": "db"}}), json!({"matchLabels": {"app": "db", "tier": "x"}}));
        assert!(selector(&narrow).is_within(&selector(&wide)) && selector(&wide).is_within(&selector(&wide)));
        assert!(!selector(&wide).is_within(&selector(&narrow)));
        let expressed = selector(&json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}));
        assert!(expressed.is_within(&expressed) && !selector(&wide).is_within(&expressed));
    }
}
