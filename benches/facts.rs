//! A cluster in which all is well: every question is answered at once.

use std::sync::Arc;

use stsguard::evaluation::{Address, Answer, Facts, Lookup, Pairs, Question, ServiceFacts, Source, StorageClassFacts};
use stsguard::kubernetes::Labels;

/// Knows the headless Service, the class and that there are no claims.
pub struct AllIsWell;

impl Facts for AllIsWell {
    fn answer(&self, question: &Question) -> Option<(Answer, Source)> {
        let answer = match question {
            Question::Service { name, .. } => {
                let selector = Labels::from([("app".to_owned(), name.clone())]);
                Answer::Service(Lookup::Found(Arc::new(ServiceFacts {
                    address: Address::Headless,
                    selector: Pairs::from(&selector),
                    publishes_not_ready: false,
                })))
            }
            Question::GovernedSets { .. } => Answer::GovernedSets(Lookup::Found(Vec::new())),
            Question::StatefulSet { .. } => Answer::StatefulSet(Lookup::Absent),
            Question::Claims { .. } | Question::ReservedVolumes { .. } => Answer::Names(Lookup::Found(Vec::new())),
            Question::StorageClass { name } => Answer::StorageClass(Lookup::Found(Arc::new(StorageClassFacts {
                name: name.clone().unwrap_or_default(),
                provisioner: "csi.example.com".to_owned(),
                parameters: Labels::new(),
            }))),
            Question::NamespaceTerminating { .. } | Question::FreeVolumes { .. } => Answer::Holds(Lookup::Found(false)),
            Question::ConfigMap { .. } => Answer::ConfigMap(Lookup::Unknown),
        };
        Some((answer, Source::Final))
    }
}
