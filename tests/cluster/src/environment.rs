//! A container's environment variables and arguments.

use std::{collections::BTreeMap, net::Ipv4Addr};

use anyhow::{Context, Result, bail};
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Container, EnvVarSource, Pod, Secret},
};
use kube::{Api, Client, ResourceExt};

use super::{network::NODE, node::NAME};

/// The variables that the container's program gets; `image` has those that its image sets.
///
/// # Errors
/// When a Secret or ConfigMap that is not optional is missing, or a source is one that this node does not know.
pub async fn environment(
    client: &Client,
    pod: &Pod,
    container: &Container,
    address: Ipv4Addr,
    image: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let namespace = pod.namespace().unwrap_or_default();
    let objects = Objects { client, namespace: &namespace };
    let mut all: BTreeMap<String, String> = BTreeMap::from([
        ("PATH".into(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ("HOSTNAME".into(), pod.name_any()),
        ("KUBERNETES_SERVICE_HOST".into(), "10.96.0.1".into()),
        ("KUBERNETES_SERVICE_PORT".into(), "443".into()),
        ("KUBERNETES_SERVICE_PORT_HTTPS".into(), "443".into()),
    ]);
    all.extend(image.clone());
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.clone().unwrap_or_default();
        let found = if let Some(reference) = &source.secret_ref {
            objects.secret(&reference.name, reference.optional).await?
        } else if let Some(reference) = &source.config_map_ref {
            objects.config_map(&reference.name, reference.optional).await?
        } else {
            BTreeMap::new()
        };
        all.extend(found.into_iter().map(|(key, value)| (format!("{prefix}{key}"), text(&value))));
    }
    for variable in container.env.iter().flatten() {
        let value = match (&variable.value, &variable.value_from) {
            (Some(value), _) => Some(expand(value, &all)),
            (None, Some(source)) => from_source(&objects, pod, source, address).await?,
            (None, None) => Some(String::new()),
        };
        all.extend(value.map(|value| (variable.name.clone(), value)));
    }
    Ok(all)
}

async fn from_source(
    objects: &Objects<'_>,
    pod: &Pod,
    source: &EnvVarSource,
    address: Ipv4Addr,
) -> Result<Option<String>> {
    if let Some(reference) = &source.field_ref {
        return field(pod, &reference.field_path, address).map(Some);
    }
    let (found, key, optional) = if let Some(reference) = &source.secret_key_ref {
        (objects.secret(&reference.name, reference.optional).await?, &reference.key, reference.optional)
    } else if let Some(reference) = &source.config_map_key_ref {
        (objects.config_map(&reference.name, reference.optional).await?, &reference.key, reference.optional)
    } else {
        bail!("the node knows no such source of an environment variable: {source:?}");
    };
    match found.get(key) {
        Some(value) => Ok(Some(text(value))),
        None if optional == Some(true) => Ok(None),
        None => bail!("no key {key} for an environment variable"),
    }
}

/// Replaces `$(NAME)` by the value of a variable known so far; `$$(NAME)` stands for `$(NAME)` itself.
pub fn expand(input: &str, variables: &BTreeMap<String, String>) -> String {
    let mut output = String::new();
    let mut rest = input;
    while let Some(at) = rest.find('$') {
        output += &rest[..at];
        rest = &rest[at..];
        let reference = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')'));
        if let Some(after) = rest.strip_prefix("$$") {
            output.push('$');
            rest = after;
        } else if let Some((value, after)) = reference.and_then(|(name, after)| Some((variables.get(name)?, after))) {
            output += value;
            rest = after;
        } else {
            output.push('$');
            rest = &rest[1..];
        }
    }
    output + rest
}

/// A field of the pod, as the downward API names it.
///
/// # Errors
/// When it is one that the downward API does not offer.
pub fn field(pod: &Pod, path: &str, address: Ipv4Addr) -> Result<String> {
    let spec = pod.spec.as_ref().context("a pod has a spec")?;
    Ok(match path {
        "metadata.name" => pod.name_any(),
        "metadata.namespace" => pod.namespace().unwrap_or_default(),
        "metadata.uid" => pod.uid().unwrap_or_default(),
        "metadata.labels" => listed(pod.labels()),
        "metadata.annotations" => listed(pod.annotations()),
        "spec.nodeName" => NAME.into(),
        "spec.serviceAccountName" => spec.service_account_name.clone().unwrap_or_default(),
        "status.podIP" | "status.podIPs" => address.to_string(),
        "status.hostIP" | "status.hostIPs" => NODE.into(),
        _ => {
            let subscript = |prefix: &str| path.strip_prefix(prefix)?.strip_suffix("']");
            if let Some(key) = subscript("metadata.labels['") {
                pod.labels().get(key).cloned().unwrap_or_default()
            } else if let Some(key) = subscript("metadata.annotations['") {
                pod.annotations().get(key).cloned().unwrap_or_default()
            } else {
                bail!("the downward API has no field {path}");
            }
        }
    })
}

fn listed(entries: &BTreeMap<String, String>) -> String {
    entries.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads Secrets and ConfigMaps of one namespace.
pub struct Objects<'a> {
    /// Speaks for the node.
    pub client: &'a Client,
    /// Where the pod is.
    pub namespace: &'a str,
}

impl Objects<'_> {
    /// The content of a Secret; empty when it is missing and optional.
    ///
    /// # Errors
    /// When it cannot be read, or is missing and not optional.
    pub async fn secret(&self, name: &str, optional: Option<bool>) -> Result<BTreeMap<String, Vec<u8>>> {
        match Api::<Secret>::namespaced(self.client.clone(), self.namespace).get_opt(name).await? {
            Some(found) => Ok(bytes(found.data)),
            None if optional == Some(true) => Ok(BTreeMap::new()),
            None => bail!("secret \"{name}\" not found"),
        }
    }

    /// The content of a ConfigMap; empty when it is missing and optional.
    ///
    /// # Errors
    /// When it cannot be read, or is missing and not optional.
    pub async fn config_map(&self, name: &str, optional: Option<bool>) -> Result<BTreeMap<String, Vec<u8>>> {
        match Api::<ConfigMap>::namespaced(self.client.clone(), self.namespace).get_opt(name).await? {
            Some(found) => {
                let texts = found.data.into_iter().flatten().map(|(key, value)| (key, value.into_bytes()));
                Ok(texts.chain(bytes(found.binary_data)).collect())
            }
            None if optional == Some(true) => Ok(BTreeMap::new()),
            None => bail!("configmap \"{name}\" not found"),
        }
    }
}

fn bytes(data: Option<BTreeMap<String, ByteString>>) -> BTreeMap<String, Vec<u8>> {
    data.into_iter().flatten().map(|(key, ByteString(value))| (key, value)).collect()
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn expands_what_is_known_and_leaves_the_rest_as_it_is() {
        let known = [("NAME".to_owned(), "db-0".to_owned())].into();
        for (written, expanded) in [
            ("$(NAME).db", "db-0.db"),
            ("$$(NAME)", "$(NAME)"),
            ("$(OTHER) $NAME $", "$(OTHER) $NAME $"),
            ("$(NAME", "$(NAME"),
        ] {
            assert_eq!(expand(written, &known), expanded, "{written}");
        }
    }
}
