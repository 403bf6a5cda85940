//! What a container of a server's image really runs: the server, a script, or only a client.

use crate::kubernetes::Container;

use super::catalogue::Engine;

/// How the server is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// By the image's entrypoint, or as the server's own program: directories are where the image and arguments say.
    Entrypoint,
    /// By a shell line that ends in the image's entrypoint and changes nothing that it looks at: directories are where the
    /// image and what it is given say.
    HandedOver,
    /// By another shell line or script that names the server: directories are unknown.
    NamedInScript,
    /// By a script of unknown content: the engine is likely, nothing else is known.
    UnknownScript,
}

/// Programs in the images of servers that are no server.
const CLIENTS: &[&str] = &[
    "pg_dump",
    "pg_dumpall",
    "psql",
    "pg_isready",
    "pg_basebackup",
    "pg_restore",
    "createdb",
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
    "mongosh",
    "mongo",
    "mongodump",
    "mongorestore",
    "redis-cli",
    "valkey-cli",
    "etcdctl",
    "etcdutl",
    "cqlsh",
    "nodetool",
    "kafka-topics",
    "kafka-topics.sh",
    "rabbitmqctl",
    "clickhouse-client",
    "influx",
    "mc",
    "sleep",
    "tail",
    "cat",
    "true",
    "curl",
    "wget",
    "chown",
    "chmod",
    "mkdir",
    "cp",
    "mv",
    "rm",
    "echo",
    "test",
    "ls",
    "sysctl",
];

/// Words with which the entrypoints of some servers are told to serve.
const SERVING: &[&str] = &["server", "start", "start-single-node", "agent", "serve", "run"];

const SHELLS: &[&str] = &["sh", "bash", "dash", "ash", "busybox"];

/// Programs that only start another one.
const WRAPPERS: &[&str] = &["tini", "dumb-init", "gosu", "su-exec", "exec", "env", "--"];

/// How the container starts the engine's server, and the words that the server is given; `None` when it runs something
/// else.
pub(super) fn start<'a>(container: &'a Container, engine: &Engine) -> Option<(Start, Vec<&'a str>)> {
    let words: Vec<_> = container.command.iter().chain(&container.args).map(String::as_str).collect();
    if let Some(given) = shell_line(&words).and_then(|line| handed_over(line, engine)) {
        let is_client = given.first().is_some_and(|program| CLIENTS.contains(&base(program)));
        return (!is_client).then_some((Start::HandedOver, given));
    }
    Some((started(container, engine)?, words))
}

/// The one line that a shell is asked to run.
fn shell_line<'a>(words: &[&'a str]) -> Option<&'a str> {
    let shell = words.iter().position(|word| !WRAPPERS.contains(&base(word)))?;
    match &words[shell..] {
        [shell, options @ .., line] if SHELLS.contains(&base(shell)) && options.last()?.ends_with('c') => {
            options.iter().all(|option| option.starts_with('-')).then_some(line)
        }
        _ => None,
    }
}

/// What the entrypoint is given by a shell line that ends in it: nothing before it may touch what it looks at, and nothing of
/// its own command may need a shell to be understood.
fn handed_over<'a>(line: &'a str, engine: &Engine) -> Option<Vec<&'a str>> {
    let line = line.trim_end();
    let start = [";", "&&", "\n"].iter().filter_map(|end| Some(line.rfind(end)? + end.len())).max().unwrap_or(0);
    let (before, last) = line.split_at(start);
    let mut words = last.split_whitespace().skip_while(|word| *word == "exec");
    let program = base(words.next()?);
    let is_entrypoint = program.contains("entrypoint") && engine.programs.iter().any(|own| base(own) == program);
    let is_plain = !last.contains(|c: char| "'\"`$|&<>(){}[]*?!~#\\".contains(c));
    let mut variables = engine.images.iter().filter_map(|image| image.layout).flat_map(|layout| layout.variables);
    let is_touched = variables.any(|variable| before.contains(variable))
        || before.contains("<<")
        || before.split_whitespace().any(|word| matches!(word, "." | "source" | "eval" | "exec" | "unset"));
    (is_entrypoint && is_plain && !is_touched).then(|| words.collect())
}

fn started(container: &Container, engine: &Engine) -> Option<Start> {
    let words = container.command.iter().chain(&container.args).map(String::as_str);
    let mut words = words.skip_while(|word| WRAPPERS.contains(&base(word)) && !word.is_empty());
    let Some(first) = words.next() else { return Some(Start::Entrypoint) };
    let program = base(first);
    let is_own = engine.programs.iter().any(|own| base(own) == program);
    if is_own {
        // The entrypoint runs whatever it is given.
        let given = words.next().map(base);
        let is_client = program.contains("entrypoint") && given.is_some_and(|given| CLIENTS.contains(&given));
        return (!is_client).then_some(Start::Entrypoint);
    }
    if container.command.is_empty()
        && (first.starts_with('-') || SERVING.contains(&first) || program.strip_suffix(".conf").is_some())
    {
        return Some(Start::Entrypoint);
    }
    if SHELLS.contains(&program) {
        return script(&words.collect::<Vec<_>>().join(" "), engine);
    }
    if CLIENTS.contains(&program) { None } else { Some(Start::UnknownScript) }
}

fn script(text: &str, engine: &Engine) -> Option<Start> {
    let mut before = "";
    let mut client = false;
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "_-./".contains(c))).filter(|w| !w.is_empty()) {
        let program = base(word);
        // `-U postgres` and `chown postgres` name a user, not the server.
        let is_argument =
            before.starts_with('-') || matches!(base(before), "chown" | "gosu" | "su-exec" | "su" | "user");
        if !is_argument && engine.programs.iter().any(|own| base(own) == program) {
            return Some(Start::NamedInScript);
        }
        client |= CLIENTS.contains(&program);
        before = word;
    }
    if client && !text.contains(".sh") { None } else { Some(Start::UnknownScript) }
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn started(id: &str, container: &Value) -> Option<Start> {
        let engine = super::super::engines().find(|engine| engine.id == id).expect("a known engine");
        start(&serde_json::from_value(container.clone()).expect("a container"), engine).map(|(start, _)| start)
    }

    #[test]
    fn takes_the_images_own_entrypoint_and_server_options() {
        for container in [
            json!({}),
            json!({"args": ["-c", "max_connections=200"]}),
            json!({"args": ["postgres", "-c", "wal_level=logical"]}),
            json!({"command": ["docker-entrypoint.sh"], "args": ["postgres"]}),
            json!({"command": ["/usr/local/bin/docker-entrypoint.sh", "postgres"]}),
        ] {
            assert_eq!(started("postgresql", &container), Some(Start::Entrypoint), "{container}");
        }
        assert_eq!(started("minio", &json!({"args": ["server", "/data"]})), Some(Start::Entrypoint));
        assert_eq!(started("redis", &json!({"command": ["redis-server", "/etc/redis.conf"]})), Some(Start::Entrypoint));
    }

    #[test]
    fn takes_scripts_for_servers_and_knows_when_they_name_one() {
        let shell = |text: &str| json!({"command": ["sh", "-c", text]});
        assert_eq!(started("postgresql", &shell("/scripts/start.sh")), Some(Start::UnknownScript));
        assert_eq!(started("postgresql", &json!({"command": ["/scripts/run.sh"]})), Some(Start::UnknownScript));
    }

    #[test]
    fn knows_when_a_shell_line_hands_over_to_the_entrypoint() {
        let given = |text: &str| {
            let engine = super::super::engines().find(|engine| engine.id == "postgresql").expect("a known engine");
            let container = serde_json::from_value(json!({"command": ["bash", "-ec", text]})).expect("a container");
            let (start, words) = start(&container, engine).expect("it is a server");
            (start, words.join(" "))
        };
        for (text, words) in [
            ("exec docker-entrypoint.sh postgres", "postgres"),
            ("chown postgres /data; exec /usr/local/bin/docker-entrypoint.sh postgres -c a=b\n", "postgres -c a=b"),
            ("if [ -e /x ]; then rm /x; fi\nexec docker-entrypoint.sh -D /elsewhere", "-D /elsewhere"),
            ("sleep 5 && docker-entrypoint.sh postgres", "postgres"),
        ] {
            assert_eq!(given(text), (Start::HandedOver, words.to_owned()), "{text}");
        }
        for text in [
            "export PGDATA=/x; exec docker-entrypoint.sh postgres",
            "PGDATA=/x exec docker-entrypoint.sh postgres",
            ". /env; exec docker-entrypoint.sh postgres",
            "exec docker-entrypoint.sh postgres -D $HOME",
            "exec docker-entrypoint.sh postgres &",
            "if x; then exec docker-entrypoint.sh postgres; fi",
            "exec postgres -D /x",
            "echo 'a; exec docker-entrypoint.sh postgres'",
            "cat <<E\nexec docker-entrypoint.sh postgres",
        ] {
            assert_eq!(given(text).0, Start::NamedInScript, "{text}");
        }
    }

    #[test]
    fn takes_clients_for_no_server() {
        for container in [
            json!({"command": ["pg_dump", "-h", "db"]}),
            json!({"args": ["sleep", "infinity"]}),
            json!({"command": ["sh", "-c", "while true; do psql -U postgres -c 'select 1'; sleep 60; done"]}),
            json!({"command": ["docker-entrypoint.sh", "psql"]}),
            json!({"command": ["sh", "-c", "exec docker-entrypoint.sh psql -h db"]}),
        ] {
            assert_eq!(started("postgresql", &container), None, "{container}");
        }
    }
}
