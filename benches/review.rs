//! What a review costs from bytes to bytes, without the network: read, judged by all rules, answered.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark may")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stsguard::admission::{Endpoint, Review};
use stsguard::facts::Answers;
use stsguard::rule::Profile;
use stsguard::rules;

use self::facts::AllIsWell;

mod facts;

const REVIEWS: [(&str, Endpoint, &[u8]); 4] = [
    ("mutate CREATE", Endpoint::Mutate, include_bytes!("reviews/mutate-create-statefulset-orders.json")),
    ("validate CREATE", Endpoint::Validate, include_bytes!("reviews/validate-create-statefulset-orders.json")),
    ("mutate UPDATE", Endpoint::Mutate, include_bytes!("reviews/mutate-update-statefulset-ledger.json")),
    ("validate UPDATE", Endpoint::Validate, include_bytes!("reviews/validate-update-statefulset-ledger.json")),
];

fn reviews(criterion: &mut Criterion) {
    let (policy, answers) = (rules::policy(Profile::Recommended), Answers::new());
    let mut group = criterion.benchmark_group("review");
    for (name, endpoint, body) in REVIEWS {
        let answer = |body: &[u8]| {
            let review = Review::parse(body).unwrap();
            let decision = review.decide(endpoint, &policy, &AllIsWell, &answers);
            assert!(decision.needs.is_empty());
            review.answer(&decision.verdict)
        };
        println!("{name}: {} bytes in; {}", body.len(), String::from_utf8_lossy(&answer(body)));
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| answer(black_box(body))));
    }
}

criterion_group!(benches, reviews);
criterion_main!(benches);
