//! Where a server keeps its data: arguments before environment before the image's default.

use super::catalogue::Engine;
use super::entrypoint::Start;
use super::environment::{ConfigMaps, Variable, variable};
use super::mount::normalise;
use super::server::Server;

/// Where a server keeps its data, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataDirectory {
    /// Here.
    Known(Directory),
    /// It cannot be told from the manifest.
    Unknown,
}

/// A data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The path in the container, absolute and normalised.
    pub path: String,
    /// What decides it.
    pub set_by: SetBy,
}

/// What decides where the data directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// An argument of the server.
    Argument,
    /// An environment variable.
    Variable,
    /// The image.
    Image,
}

pub(super) fn effective(server: &Server<'_>, config_maps: &ConfigMaps<'_>) -> DataDirectory {
    let (Some(layout), Start::Entrypoint | Start::HandedOver) = (server.layout, server.start) else {
        return DataDirectory::Unknown;
    };
    match argument(&server.arguments, server.engine) {
        Argument::Path(path) => return known(&path, SetBy::Argument),
        Argument::Unknown => return DataDirectory::Unknown,
        Argument::None => {}
    }
    if server.engine.defaults_in_arguments && !server.container.args.is_empty() {
        return DataDirectory::Unknown;
    }
    for name in layout.variables {
        match variable(server.container, name, config_maps) {
            Variable::Literal(path) => return known(&path, SetBy::Variable),
            Variable::Unknown => return DataDirectory::Unknown,
            Variable::Unset => {}
        }
    }
    default(server).map_or(DataDirectory::Unknown, |path| known(&path, SetBy::Image))
}

/// The directory of the image when nothing else is said.
pub(super) fn default(server: &Server<'_>) -> Option<String> {
    let era = server.layout?.era(server.major)?;
    Some(match server.major {
        Some(major) => era.directory.replace("{major}", &major.to_string()),
        None => era.directory.to_owned(),
    })
}

fn known(path: &str, set_by: SetBy) -> DataDirectory {
    // A list of directories, a reference that only the node expands and a relative path say nothing certain.
    if path.starts_with('/') && !path.contains([',', '$']) {
        DataDirectory::Known(Directory { path: normalise(path), set_by })
    } else {
        DataDirectory::Unknown
    }
}

enum Argument {
    Path(String),
    None,
    Unknown,
}

fn argument(words: &[&str], engine: &Engine) -> Argument {
    let mut found = Argument::None;
    for (index, word) in words.iter().enumerate() {
        let word = word.strip_prefix("-c").filter(|rest| rest.contains('=')).unwrap_or(word);
        if names_a_configuration(word) {
            return Argument::Unknown;
        }
        for option in engine.directory_arguments {
            if option.ends_with('=') {
                if let Some(path) = word.strip_prefix(option) {
                    found = Argument::Path(path.to_owned());
                }
            } else if option.len() == 2 && word.len() > 2 && word.starts_with(option) && word[2..].starts_with('/') {
                found = Argument::Path(word[2..].to_owned());
            } else if word == *option {
                found = words.get(index + 1).map_or(Argument::Unknown, |path| Argument::Path((*path).to_owned()));
            }
        }
    }
    found
}

/// A configuration file may move the data directory, and nobody sees what it says.
fn names_a_configuration(word: &str) -> bool {
    const OPTIONS: &[&str] = &["config_file=", "--config_file", "--config=", "--config-file", "--defaults-file"];
    if word.starts_with("--config.file") {
        return false; // Prometheus: its path of data is only ever an argument.
    }
    OPTIONS.iter().any(|option| word.starts_with(option))
        || word == "--config"
        || (word.starts_with('/') && [".conf", ".cnf", ".yml", ".yaml", ".toml"].iter().any(|end| word.ends_with(end)))
}

#[cfg(test)]
mod tests {
    use super::super::server::servers;
    use super::*;
    use crate::kubernetes::PodSpec;
    use serde_json::{Value, json};

    fn directory(image: &str, container: &Value) -> DataDirectory {
        let mut container = container.clone();
        container["image"] = json!(image);
        let pod: PodSpec = serde_json::from_value(json!({ "containers": [container] })).expect("a pod");
        servers(&pod, &[])[0].data_directory(&|_| None)
    }

    fn at(path: &str, set_by: SetBy) -> DataDirectory {
        DataDirectory::Known(Directory { path: path.to_owned(), set_by })
    }

    #[test]
    fn takes_the_default_of_the_image_by_its_major() {
        let none = json!({});
        assert_eq!(directory("postgres:16", &none), at("/var/lib/postgresql/data", SetBy::Image));
        assert_eq!(directory("postgres:18.1", &none), at("/var/lib/postgresql/18/docker", SetBy::Image));
        assert_eq!(directory("postgres:latest", &none), DataDirectory::Unknown);
        assert_eq!(directory("acme/postgres:16", &none), DataDirectory::Unknown);
        assert_eq!(directory("mysql:8.4", &none), at("/var/lib/mysql", SetBy::Image));
        assert_eq!(directory("mongo", &none), at("/data/db", SetBy::Image));
    }

    #[test]
    fn arguments_beat_the_environment() {
        let env = json!([{"name": "PGDATA", "value": "/env/"}]);
        assert_eq!(directory("postgres:16", &json!({ "env": env })), at("/env", SetBy::Variable));
        for args in [
            json!(["-D", "/arg"]),
            json!(["-D/arg"]),
            json!(["-c", "data_directory=/arg"]),
            json!(["-cdata_directory=/arg"]),
        ] {
            assert_eq!(directory("postgres:16", &json!({"env": env, "args": args})), at("/arg", SetBy::Argument));
        }
        let prometheus = json!({"args": ["--config.file=/etc/p.yml", "--storage.tsdb.path=/tsdb/"]});
        assert_eq!(directory("prom/prometheus:v3", &prometheus), at("/tsdb", SetBy::Argument));
    }

    #[test]
    fn a_configuration_file_or_an_unseen_value_makes_it_unknown() {
        for container in [
            json!({"args": ["-c", "config_file=/etc/postgresql.conf"]}),
            json!({"env": [{"name": "PGDATA", "valueFrom": {"fieldRef": {}}}]}),
            json!({"env": [{"name": "PGDATA", "value": "relative"}]}),
            json!({"envFrom": [{"configMapRef": {"name": "unseen"}}]}),
            json!({"command": ["sh", "-c", "export PGDATA=/x; exec docker-entrypoint.sh postgres"]}),
        ] {
            assert_eq!(directory("postgres:16", &container), DataDirectory::Unknown, "{container}");
        }
        assert_eq!(directory("prom/prometheus", &json!({"args": ["--log.level=info"]})), DataDirectory::Unknown);
        assert_eq!(directory("redis:7", &json!({"args": ["/etc/redis/redis.conf"]})), DataDirectory::Unknown);
    }

    #[test]
    fn pgdata_does_not_move_supabase() {
        let env = json!({"env": [{"name": "PGDATA", "value": "/elsewhere"}]});
        assert_eq!(directory("supabase/postgres:15.8.1", &env), at("/var/lib/postgresql/data", SetBy::Image));
    }
}
