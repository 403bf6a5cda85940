//! Search engines.
//!
//! Sources: elastic/helm-charts and opensearch-project/helm-charts (grace 120, Parallel).

use super::{Engine, Layout, StartUp, era, fixed, laid_out, plain};

static ELASTICSEARCH: Layout = fixed(&[era("/usr/share/elasticsearch/data", &[])], &["path.data"]);
static OPENSEARCH: Layout = fixed(&[era("/usr/share/opensearch/data", &[])], &["path.data"]);

pub(super) static ENGINES: &[Engine] = &[
    Engine {
        id: "elasticsearch",
        title: "Elasticsearch",
        grace_floor: Some(120),
        start_up: StartUp::Parallel,
        database: true,
        password_variables: &["ELASTIC_PASSWORD", "ELASTICSEARCH_PASSWORD"],
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
    },
    Engine {
        id: "opensearch",
        title: "OpenSearch",
        grace_floor: Some(120),
        start_up: StartUp::Parallel,
        database: true,
        password_variables: &["OPENSEARCH_INITIAL_ADMIN_PASSWORD", "OPENSEARCH_PASSWORD"],
        programs: &["opensearch", "opensearch-docker-entrypoint.sh"],
        directory_arguments: &["-Epath.data="],
        defaults_in_arguments: false,
        images: &[laid_out("opensearch", &["docker.io/opensearchproject/opensearch"], &OPENSEARCH)],
    },
];
