use super::*;

const AGE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn strangers_make_room_before_those_who_sent_reviews() {
    let connections = Connections::new(2, AGE);
    let peer = IpAddr::from([10, 0, 0, 1]);
    let proven = connections.add(peer);
    proven.proven.store(true, Ordering::Relaxed);
    let stranger = connections.add(peer);
    stranger.last.store(60_000, Ordering::Relaxed);
    let busy = connections.add(peer);
    busy.busy.store(true, Ordering::Relaxed);
    assert!(connections.are_too_many() && connections.make_room());
    stranger.evicted.notified().await;
    assert!(!connections.send_a_stranger_away(), "it has been told already");
    assert!(connections.are_too_many() && connections.make_room());
    proven.evicted.notified().await;
    assert!(!connections.make_room(), "the busy one stays");
    assert!(connections.count() == 3 && !connections.are_too_many());
    drop(stranger);
    assert!(connections.count() == 2 && !connections.are_too_many());
    let _other = connections.add(peer);
    assert!(connections.are_too_many());
}

#[tokio::test]
async fn who_has_most_connections_makes_room_first() {
    let connections = Connections::new(10, AGE);
    let (few, many) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    let alone = connections.add(few);
    let crowd: Vec<_> = (0..3).map(|_| connections.add(many)).collect();
    for one in crowd.iter().chain([&alone]) {
        one.proven.store(true, Ordering::Relaxed);
    }
    crowd[1].last.store(0, Ordering::Relaxed);
    for one in [&crowd[0], &crowd[2]] {
        one.last.store(60_000, Ordering::Relaxed);
    }
    assert!(connections.make_room());
    crowd[1].evicted.notified().await;
    drop(crowd);
    assert!(!connections.lock().from.contains_key(&many), "none is left");
    assert!(connections.make_room());
    alone.evicted.notified().await;
}

#[tokio::test]
async fn all_are_closed_when_the_last_task_has_ended() {
    let connections = Connections::new(1, AGE);
    connections.all_closed().await;
    let one = connections.add(IpAddr::from([10, 0, 0, 1]));
    connections.spawn(async move { drop(one) });
    connections.all_closed().await;
    assert_eq!(connections.count(), 0);
}
