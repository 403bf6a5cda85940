//! Search engines.
//!
//! Sources: elastic/helm-charts and opensearch-project/helm-charts (grace 120, Parallel); helm/charts#4151 and
//! elastic/helm-charts#553 (what `_cluster/health` needs).

use super::{Engine, FindsPeers, Layout, StartUp, UNKNOWN, era, fixed, laid_out, plain};
use crate::engines::readiness::{Asks, Readiness};
use crate::engines::release::Upgrades;

static ELASTICSEARCH: Layout = fixed(&[era("/usr/share/elasticsearch/data", &[])], &["path.data"]);
static OPENSEARCH: Layout = fixed(&[era("/usr/share/opensearch/data", &[])], &["path.data"]);

/// What asks more needs a password: security is on by default.
const ELASTICSEARCH_READINESS: Readiness = Readiness::new(
    Asks::Tcp(9200),
    "it takes requests by HTTP",
    "opensearch-project/helm-charts, values.yaml; Elasticsearch Guide, Enable the Elasticsearch TCP readiness port",
)
.noting("from 8.2 on a port set by readiness.port is open when the node has joined");
const OPENSEARCH_READINESS: Readiness =
    Readiness::new(Asks::Tcp(9200), "it takes requests by HTTP", "opensearch-project/helm-charts, values.yaml");
pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "elasticsearch",
        title: "Elasticsearch",
        readiness: &[ELASTICSEARCH_READINESS],
        finds_peers: FindsPeers::All,
        peer_questions: &["_cluster/health"],
        grace_floor: Some(120),
        start_up: StartUp::Parallel,
        database: true,
        password_variables: &["ELASTIC_PASSWORD", "ELASTICSEARCH_PASSWORD"],
        // elastic/elasticsearch, NodeMetadata.java: "cannot upgrade a node from version … directly", "cannot downgrade".
        upgrades: Upgrades::Stepwise { series: &[(7, 0), (8, 0), (9, 0)], one_back: false },
        programs: &["elasticsearch", "docker-entrypoint.sh"],
        directory_arguments: &["-Epath.data="],
        defaults_in_arguments: false,
        images: &[
            laid_out(
                "elasticsearch",
                &["docker.io/library/elasticsearch", "docker.elastic.co/elasticsearch/elasticsearch"],
                &ELASTICSEARCH,
            ),
            plain("elasticsearch-oss", &[]),
            plain("elasticsearch-wolfi", &[]),
        ],
        ..UNKNOWN
    },
    Engine {
        id: "opensearch",
        title: "OpenSearch",
        readiness: &[OPENSEARCH_READINESS],
        finds_peers: FindsPeers::All,
        peer_questions: &["_cluster/health"],
        grace_floor: Some(120),
        start_up: StartUp::Parallel,
        database: true,
        password_variables: &["OPENSEARCH_INITIAL_ADMIN_PASSWORD", "OPENSEARCH_PASSWORD"],
        // opensearch-project/OpenSearch, NodeMetadata.java, as Elasticsearch.
        upgrades: Upgrades::Stepwise { series: &[(2, 0), (3, 0)], one_back: false },
        // opensearch-project/security#4602: the users are in an index of the cluster from its first start on.
        init_only_variables: &["OPENSEARCH_INITIAL_ADMIN_PASSWORD"],
        programs: &["opensearch", "opensearch-docker-entrypoint.sh"],
        directory_arguments: &["-Epath.data="],
        defaults_in_arguments: false,
        images: &[laid_out("opensearch", &["docker.io/opensearchproject/opensearch"], &OPENSEARCH)],
        ..UNKNOWN
    },
];
