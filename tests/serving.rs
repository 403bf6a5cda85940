//! The server as its clients meet it: over real TLS on loopback, with an API server that the tests make misbehave.

mod serving {
    mod answer;
    mod api;
    mod certificate;
    mod client;
    mod connections;
    mod live;
    mod metrics;
    mod objects;
    mod overload;
    mod patience;
    mod policy;
    mod requests;
    mod served;
    mod shutdown;
    mod slow;
    mod stores;
    mod unreadable;
}
