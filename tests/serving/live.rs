//! Live reads: what they overrule, and what is left when they fail.

use serde_json::{Value, json};
use stsguard::rule::Profile;
use stsguard::rules;

use super::answer::Read;
use super::api::Api;
use super::objects::{DB, creation, service, set, set_creation, warnings};
use super::patience::until;
use super::process::Process;
use super::served::Served;

/// A server whose store holds this Service, if any, and whose live read of `db` gives `read`.
async fn served(stored: Option<&Value>, read: Read) -> Served {
    let api = Api::default();
    if let Some(service) = stored {
        api.put("services", service);
    }
    api.read(DB, read);
    Served::ready_with(api, |_| {}).await
}

async fn validated(served: &Served) -> Value {
    served.connect().await.review("/validate", &set_creation()).await
}

fn reads(result: &str) -> String {
    format!("stsguard_live_reads_total{{resource=\"services\",result=\"{result}\"}}")
}

#[tokio::test]
async fn overrules_a_store_that_has_not_heard_of_a_service() {
    let served = served(None, Read::Object(service("db", true))).await;
    let verdict = validated(&served).await;
    assert_eq!(verdict["allowed"], true, "{verdict}");
    assert!(warnings(&verdict).is_empty(), "{verdict}");
    assert_eq!(served.api.seen(), [DB]);
    assert!(served.counts(&reads("found"), 1.0).await);
}

#[tokio::test]
async fn denies_what_the_store_has_not_heard_of() {
    let served = served(None, Read::Object(service("db", false))).await;
    assert_eq!(validated(&served).await["allowed"], false);
}

#[tokio::test]
async fn overrules_a_store_that_still_shows_a_virtual_ip() {
    let served = served(Some(&service("db", false)), Read::Object(service("db", true))).await;
    let verdict = validated(&served).await;
    assert_eq!(verdict["allowed"], true, "{verdict}");
    assert!(warnings(&verdict).is_empty(), "{verdict}");
}

#[tokio::test]
async fn denies_nothing_over_a_service_that_is_gone() {
    let served = served(Some(&service("db", false)), Read::Status(404)).await;
    let verdict = validated(&served).await;
    assert_eq!(verdict["allowed"], true, "{verdict}");
    assert!(warnings(&verdict).iter().all(|line| line.starts_with("STS102: ")), "{verdict}");
    assert!(served.counts(&reads("absent"), 1.0).await);
}

#[tokio::test]
async fn confirms_what_it_denies() {
    let served = served(Some(&service("db", false)), Read::Object(service("db", false))).await;
    assert_eq!(validated(&served).await["allowed"], false);
    assert_eq!(served.api.seen(), [DB]);
}

#[tokio::test]
async fn reads_nothing_where_the_store_says_that_all_is_well() {
    let served = served(Some(&service("db", true)), Read::Object(service("db", false))).await;
    let verdict = validated(&served).await;
    assert_eq!(verdict["allowed"], true, "{verdict}");
    assert!(warnings(&verdict).is_empty() && served.api.seen().is_empty(), "{verdict}");
}

#[tokio::test]
async fn warns_and_says_so_where_the_store_cannot_be_confirmed() {
    for read in [Read::Status(403), Read::Status(500), Read::Status(429), Read::Hang, Read::Object("nonsense".into())] {
        let served = served(Some(&service("db", false)), read.clone()).await;
        let verdict = validated(&served).await;
        assert_eq!(verdict["allowed"], true, "{read:?}: {verdict}");
        let [line] = warnings(&verdict)[..] else { panic!("{read:?}: {verdict}") };
        assert!(line.starts_with("STS101: ") && line.contains("not confirmed"), "{read:?}: {line}");
        assert!(served.counts(&reads("failed"), 1.0).await);
    }
}

#[tokio::test]
async fn reads_every_set_of_a_service_that_governs_many() {
    let api = Api::default();
    let sets: Vec<_> = (0..9)
        .map(|number| {
            let mut one = set();
            one["metadata"]["name"] = format!("db-{number}").into();
            // Only the last one of them is hurt.
            one["spec"]["replicas"] = if number == 8 { 3 } else { 0 }.into();
            api.put("statefulsets", &one);
            one
        })
        .collect();
    let list = "/apis/apps/v1/namespaces/shop/statefulsets";
    api.read(list, Read::Object(json!({ "kind": "StatefulSetList", "metadata": {}, "items": sets })));
    let served = Served::ready_with(api, |_| {}).await;
    let review = creation("", "services", &service("db", false));
    let verdict = served.connect().await.review("/validate", &review).await;
    assert_eq!(verdict["allowed"], false, "{verdict}");
    assert_eq!(served.api.seen(), [list]);
}

#[tokio::test]
async fn reads_no_object_that_is_larger_than_any_can_be() {
    let mut large = service("db", false);
    large["metadata"]["annotations"] = json!({ "notes": "x".repeat(4 << 20) });
    let served = served(Some(&service("db", false)), Read::Object(large)).await;
    let verdict = validated(&served).await;
    assert_eq!(verdict["allowed"], true, "{verdict}");
    assert!(served.counts(&reads("failed"), 1.0).await);
}

#[tokio::test]
async fn says_once_that_reads_fail_and_once_that_they_succeed_again() {
    let api = Api::default();
    api.put("services", &service("db", false));
    api.read(DB, Read::Object(json!({ "spec": "hunter2" })));
    let process = Process::ready(&api, "true", &[]).await;
    let validated = async || process.connect().await.review("/validate", &set_creation()).await["allowed"] == true;
    for _ in 0..3 {
        assert!(validated().await);
    }
    api.read(DB, Read::Object(service("db", false)));
    assert!(!validated().await && !validated().await);
    for message in ["live reads fail; what is not confirmed only warns meanwhile", "live reads succeed again"] {
        until("the log", async || !process.said(message).is_empty()).await;
        assert_eq!(process.said(message).len(), 1, "{message}");
    }
    assert!(!format!("{:?}", process.log()).contains("hunter2"));
}

#[tokio::test]
async fn says_that_it_is_not_confirmed_however_long_the_name_is() {
    let name = "db".repeat(31);
    let api = Api::default();
    api.put("services", &service(&name, false));
    api.read(&DB.replace("services/db", &format!("services/{name}")), Read::Status(500));
    let served = Served::ready_with(api, |_| {}).await;
    let mut long = set();
    long["spec"]["serviceName"] = name.into();
    let verdict = served.connect().await.review("/validate", &creation("apps", "statefulsets", &long)).await;
    let [line] = warnings(&verdict)[..] else { panic!("{verdict}") };
    assert!(line.contains("not confirmed") && line.chars().count() <= 120, "{line}");
}

#[tokio::test]
async fn says_nothing_where_nobody_could_tell() {
    for read in [Read::Status(403), Read::Status(500), Read::Hang] {
        let api = Api::default();
        api.list("services", Some(Read::Hang));
        api.read(DB, read.clone());
        let served = Served::start(api, |_| {}).await;
        let verdict = validated(&served).await;
        assert_eq!(verdict["allowed"], true, "{read:?}: {verdict}");
        assert!(warnings(&verdict).is_empty(), "{read:?}: {verdict}");
        assert_eq!(served.api.seen(), [DB], "{read:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_none_becomes_no_path() {
    for name in ["../../../secrets/root", "db?watch=true", "db/../x", "a b", "", "..", "db%2f..", "DB", "db\r\nx: y"] {
        let served = served(None, Read::Status(404)).await;
        let mut wicked = set();
        wicked["spec"]["serviceName"] = name.into();
        let verdict = served.connect().await.review("/validate", &creation("apps", "statefulsets", &wicked)).await;
        assert_eq!(verdict["uid"], "0b1f", "{name:?}");
        let read = served.api.seen();
        assert!(read.is_empty(), "{name:?} led to {read:?}");
    }
}

#[tokio::test]
async fn calls_no_budget_missing_or_too_tight_that_a_live_read_shows_otherwise() {
    const BUDGETS: &str = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";
    let one = format!("{BUDGETS}/db");
    let budget = |most: i32| {
        let spec = json!({"maxUnavailable": most, "selector": {"matchLabels": {"app": "db"}}});
        json!({"metadata": {"name": "db", "namespace": "shop"}, "spec": spec})
    };
    let all = |items: Vec<Value>| Read::Object(json!({ "metadata": {}, "items": items }));
    for (stored, reads, said) in [
        (None, vec![(BUDGETS, all(vec![]))], Some("no PodDisruptionBudget selects")),
        (None, vec![(BUDGETS, all(vec![budget(1)]))], None),
        (Some(budget(0)), vec![(&*one, Read::Object(budget(0)))], Some("never lets a pod be evicted")),
        (Some(budget(0)), vec![(&*one, Read::Object(budget(1)))], None),
        (Some(budget(0)), vec![(&*one, Read::Status(404)), (BUDGETS, all(vec![]))], Some("no PodDisruptionBudget")),
    ] {
        let api = Api::default();
        api.put("services", &service("db", true));
        if let Some(stored) = &stored {
            api.put("poddisruptionbudgets", stored);
        }
        for (path, read) in &reads {
            api.read(path, read.clone());
        }
        let served = Served::ready_with(api, |settings| settings.policy = rules::policy(Profile::Strict)).await;
        let verdict = validated(&served).await;
        let lines = warnings(&verdict);
        let own: Vec<_> = lines.iter().filter(|line| line.starts_with("STS501: ")).collect();
        assert_eq!(own.len(), usize::from(said.is_some()), "{stored:?} {reads:?}: {verdict}");
        assert!(own.iter().all(|line| line.contains(said.unwrap_or_default())), "{verdict}");
        assert_eq!(served.api.seen(), reads.iter().map(|(path, _)| *path).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn tells_a_set_that_takes_its_pods_over_from_one_that_starts_on_old_data() {
    const CLAIMS: &str = "/api/v1/namespaces/shop/persistentvolumeclaims";
    const POD: &str = "/api/v1/namespaces/shop/pods/db-0";
    let named = |name: &str| json!({"metadata": {"name": name, "namespace": "shop"}});
    let claims = |names: &[&str]| {
        let items: Vec<_> = names.iter().map(|name| named(name)).collect();
        Read::Object(json!({ "metadata": {}, "items": items }))
    };
    for (listed, pod, said, seen) in [
        (claims(&["data-db-0", "data-web-0"]), Read::Status(404), true, vec![CLAIMS, POD]),
        (claims(&["data-db-0"]), Read::Object(named("db-0")), false, vec![CLAIMS, POD]),
        (claims(&["data-db-0"]), Read::Status(403), false, vec![CLAIMS, POD]),
        (claims(&["data-web-0"]), Read::Status(404), false, vec![CLAIMS]),
        (Read::Status(403), Read::Status(404), false, vec![CLAIMS]),
    ] {
        let api = Api::default();
        api.put("services", &service("db", true));
        api.read(CLAIMS, listed.clone());
        api.read(POD, pod.clone());
        let served = Served::ready_with(api, |_| {}).await;
        let mut set = set();
        set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {}}]);
        set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
            json!([{"name": "data", "mountPath": "/data"}]);
        let verdict = served.connect().await.review("/validate", &creation("apps", "statefulsets", &set)).await;
        let lines = warnings(&verdict);
        let own: Vec<_> = lines.iter().filter(|line| line.starts_with("STS212: ")).collect();
        assert_eq!(own.len(), usize::from(said), "{listed:?} {pod:?}: {verdict}");
        assert!(own.iter().all(|line| line.ends_with(": data-db-0")), "{verdict}");
        assert_eq!(served.api.seen(), seen, "{listed:?} {pod:?}");
    }
}
