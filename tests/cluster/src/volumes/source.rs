//! What the API server has to say about a volume's files.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use k8s_openapi::api::{
    authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec},
    core::v1::{
        DownwardAPIVolumeFile, KeyToPath, ServiceAccount, ServiceAccountTokenProjection, Volume, VolumeProjection,
    },
};
use kube::{Api, ResourceExt, api::PostParams};

use super::{File, Files, Payload, Volumes};
use crate::environment::{Objects, field};

/// A service account's token that is good for some time yet.
pub(super) struct Token {
    content: String,
    renew_at: Instant,
}

impl Volumes {
    /// The files of a volume that the API server provides; none for other types.
    pub(super) async fn payload(&mut self, volume: &Volume) -> Result<Option<Payload>> {
        let namespace = self.pod.namespace().unwrap_or_default();
        let client = self.client.clone();
        let objects = Objects { client: &client, namespace: &namespace };
        let mut files = Files::new();
        if let Some(source) = &volume.secret {
            let name = source.secret_name.as_deref().context("a secret volume names a secret")?;
            let content = objects.secret(name, source.optional).await?;
            pick(&mut files, content, source.items.as_deref(), source.default_mode, source.optional)?;
        } else if let Some(source) = &volume.config_map {
            let content = objects.config_map(&source.name, source.optional).await?;
            pick(&mut files, content, source.items.as_deref(), source.default_mode, source.optional)?;
        } else if let Some(source) = &volume.downward_api {
            self.downward(&mut files, source.items.as_deref().unwrap_or_default(), source.default_mode)?;
        } else if let Some(source) = &volume.projected {
            for projection in source.sources.iter().flatten() {
                self.project(&mut files, &objects, projection, source.default_mode).await?;
            }
        } else {
            return Ok(None);
        }
        Ok(Some(Payload(files)))
    }

    async fn project(
        &mut self,
        files: &mut Files,
        objects: &Objects<'_>,
        source: &VolumeProjection,
        mode: Option<i32>,
    ) -> Result<()> {
        if let Some(source) = &source.secret {
            let content = objects.secret(&source.name, source.optional).await?;
            pick(files, content, source.items.as_deref(), mode, source.optional)?;
        }
        if let Some(source) = &source.config_map {
            let content = objects.config_map(&source.name, source.optional).await?;
            pick(files, content, source.items.as_deref(), mode, source.optional)?;
        }
        if let Some(source) = &source.downward_api {
            self.downward(files, source.items.as_deref().unwrap_or_default(), mode)?;
        }
        if let Some(source) = &source.service_account_token {
            let content = self.token(source).await?.into_bytes();
            let user = self.only_user();
            let security = self.pod.spec.as_ref().and_then(|spec| spec.security_context.as_ref());
            // As kubelet does: private where an owner or a group can be given it, else with the volume's mode.
            let private = user.is_some() || security.is_some_and(|context| context.fs_group.is_some());
            let mode = if private && self.can_switch_user { 0o600 } else { bits(mode) };
            files.insert(source.path.clone(), File { content, mode, user });
        }
        Ok(())
    }

    fn downward(&self, files: &mut Files, items: &[DownwardAPIVolumeFile], mode: Option<i32>) -> Result<()> {
        for item in items {
            let reference = item.field_ref.as_ref().context("the node knows only fields in the downward API")?;
            let content = field(&self.pod, &reference.field_path, self.address)?.into_bytes();
            files.insert(item.path.clone(), File { content, mode: bits(item.mode.or(mode)), user: None });
        }
        Ok(())
    }

    /// The user of all containers, when they have one in common.
    fn only_user(&self) -> Option<u32> {
        let spec = self.pod.spec.as_ref()?;
        let of_pod = spec.security_context.as_ref().and_then(|context| context.run_as_user);
        let mut users =
            spec.containers.iter().chain(spec.init_containers.iter().flatten()).map(|container| {
                container.security_context.as_ref().and_then(|context| context.run_as_user).or(of_pod)
            });
        let first = users.next()??;
        users.all(|user| user == Some(first)).then(|| u32::try_from(first).ok())?
    }

    async fn token(&mut self, source: &ServiceAccountTokenProjection) -> Result<String> {
        let audience = source.audience.clone().unwrap_or_default();
        if let Some(token) = self.tokens.get(&audience).filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.content.clone());
        }
        let spec = self.pod.spec.as_ref().context("a pod has a spec")?;
        let seconds = source.expiration_seconds.unwrap_or(3600);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: source.audience.clone().map(|audience| vec![audience]),
                expiration_seconds: Some(seconds),
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".into()),
                    kind: Some("Pod".into()),
                    name: Some(self.pod.name_any()),
                    uid: self.pod.uid(),
                }),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let account = spec.service_account_name.as_deref().unwrap_or("default");
        let accounts: Api<ServiceAccount> =
            Api::namespaced(self.client.clone(), &self.pod.namespace().unwrap_or_default());
        let answer = accounts.create_token_request(account, &PostParams::default(), &request).await?;
        let content = answer.status.and_then(|status| status.token).context("the API server gives no token")?;
        let renew_at = Instant::now() + Duration::from_secs(seconds.unsigned_abs()) * 4 / 5;
        self.tokens.insert(audience, Token { content: content.clone(), renew_at });
        Ok(content)
    }
}

/// Takes all keys, or those that are named.
fn pick(
    files: &mut Files,
    mut content: BTreeMap<String, Vec<u8>>,
    items: Option<&[KeyToPath]>,
    mode: Option<i32>,
    optional: Option<bool>,
) -> Result<()> {
    let Some(items) = items else {
        let all = content.into_iter().map(|(key, content)| (key, File { content, mode: bits(mode), user: None }));
        files.extend(all);
        return Ok(());
    };
    for item in items {
        match content.remove(&item.key) {
            Some(content) => {
                let file = File { content, mode: bits(item.mode.or(mode)), user: None };
                files.insert(item.path.clone(), file);
            }
            None if optional == Some(true) => {}
            None => anyhow::bail!("references non-existent key: {}", item.key),
        }
    }
    Ok(())
}

fn bits(mode: Option<i32>) -> u32 {
    mode.and_then(|mode| u32::try_from(mode).ok()).unwrap_or(0o644)
}
