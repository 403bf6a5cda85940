//! stub

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(missing_docs)]
use crate::kubernetes::*;
use std::{collections::BTreeMap, sync::Arc};
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    pub prefix: String,
    pub stands_for: String,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Degree {
    Namesake,
    Mirror,
    Official,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartUp {
    Ordered,
    Parallel,
    Any,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Entrypoint,
    NamedInScript,
    UnknownScript,
}
pub struct Engine {
    pub id: &'static str,
    pub title: &'static str,
    pub grace_floor: Option<i64>,
    pub database: bool,
    pub password_variables: &'static [&'static str],
}
pub struct Server<'a> {
    pub place: Place,
    pub container: &'a Container,
    pub engine: &'static Engine,
    pub degree: Degree,
    pub major: Option<u32>,
    pub start: Start,
}
#[derive(Debug, Clone, PartialEq)]
pub enum DataDirectory {
    Known(Directory),
    Unknown,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Directory {
    pub path: String,
    pub set_by: SetBy,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    Argument,
    Variable,
    Image,
}
pub struct Backing<'a> {
    pub mount_index: usize,
    pub mount: &'a VolumeMount,
    pub source: BackingSource<'a>,
    pub inside: String,
}
pub enum BackingSource<'a> {
    ClaimTemplate(&'a ClaimTemplate),
    Claim(&'a ClaimVolume),
    EmptyDir,
    HostPath(&'a HostPath),
    Ephemeral,
    Other,
    Missing,
}
pub fn servers<'a>(_pod: &'a PodSpec, _m: &[Mirror]) -> Vec<Server<'a>> {
    vec![]
}
pub fn holds_data(_pod: &PodSpec, _t: &[ClaimTemplate], _s: &[Server<'_>]) -> bool {
    false
}
pub fn is_secret_variable(_: &str) -> bool {
    false
}
pub fn normalise(p: &str) -> String {
    p.to_owned()
}
pub fn is_below(_: &str, _: &str) -> bool {
    false
}
pub fn backing<'a>(_p: &str, _c: &'a Container, _pod: &'a PodSpec, _t: &'a [ClaimTemplate]) -> Option<Backing<'a>> {
    None
}
impl Server<'_> {
    pub fn data_directory(&self, _c: &dyn Fn(&str) -> Option<Arc<BTreeMap<String, String>>>) -> DataDirectory {
        DataDirectory::Unknown
    }
    pub fn default_directory(&self) -> Option<String> {
        None
    }
    pub fn lost_and_found_breaks(&self) -> bool {
        false
    }
    pub fn start_up(&self) -> StartUp {
        StartUp::Any
    }
    pub fn safe_subdirectory(&self) -> Option<(&'static str, &'static str)> {
        None
    }
    pub fn handles_lost_and_found(&self, _p: &PodSpec) -> bool {
        false
    }
    pub fn volume_paths(&self) -> &'static [&'static str] {
        &[]
    }
    pub fn refuses_mount(&self) -> Option<&'static str> {
        None
    }
}
