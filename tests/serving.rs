//! The server as its clients meet it: over real TLS on loopback, with an API server that the tests make misbehave.

mod serving {
    mod answer;
    mod api;
    mod callers;
    mod certificate;
    mod client;
    mod connections;
    mod degraded;
    mod deployments;
    mod fixes;
    mod hostile;
    mod live;
    mod log;
    mod metrics;
    mod objects;
    mod overload;
    mod panics;
    mod patience;
    mod policy;
    mod process;
    mod requests;
    mod self_managed;
    mod served;
    mod shutdown;
    mod siege;
    mod slow;
    mod stores;
    mod target;
    mod tls;
    mod unreadable;
}
