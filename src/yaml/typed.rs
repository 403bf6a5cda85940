//! From a JSON value to an object, as the API server decodes it: null is zero, and a mismatch is told with its place.
//!
//! serde's own messages quote the value at fault, which may be a password; these never do.

mod fault;

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use self::fault::Fault;
use crate::pointer::Pointer;

/// A value of the wrong kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where.
    pub pointer: Pointer,
    /// What is wrong with it, the value itself not quoted: `is text, but i32 is wanted`.
    pub message: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.pointer.as_str();
        write!(f, "{} {}", if place.is_empty() { "the object" } else { place }, self.message)
    }
}

/// Reads an object from a value.
///
/// # Errors
/// The first value that the API server would not decode into the field where it stands.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Mismatch> {
    T::deserialize(Reader { value, step: Step::Root }).map_err(|fault| Mismatch {
        pointer: fault.steps.iter().rev().fold(Pointer::default(), |pointer, step| pointer.field(step)),
        message: fault.message,
    })
}

/// How a value was reached.
#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a str),
    Element(usize),
}

/// Reads one value; notes its own step on a fault that comes up from below.
#[derive(Clone, Copy)]
struct Reader<'a> {
    value: &'a Value,
    step: Step<'a>,
}

impl Reader<'_> {
    fn located<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.map_err(|mut fault| {
            match self.step {
                Step::Root => {}
                Step::Field(key) => fault.steps.push(key.to_owned()),
                Step::Element(index) => fault.steps.push(index.to_string()),
            }
            fault
        })
    }

    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(switch) => visitor.visit_bool(*switch),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(whole), _) => visitor.visit_u64(whole),
                (None, Some(whole)) => visitor.visit_i64(whole),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_str(text),
            Value::Array(list) => {
                let elements = list.iter().enumerate();
                let mut elements =
                    SeqDeserializer::new(elements.map(|(index, value)| Reader { value, step: Step::Element(index) }));
                visitor.visit_seq(&mut elements)
            }
            Value::Object(map) => {
                let fields = map.iter();
                let mut fields = MapDeserializer::new(
                    fields.map(|(key, value)| (key.as_str(), Reader { value, step: Step::Field(key) })),
                );
                visitor.visit_map(&mut fields)
            }
        }
    }
}

impl<'a> IntoDeserializer<'_, Fault> for Reader<'a> {
    type Deserializer = Reader<'a>;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Null is the zero value of whatever is wanted, as Go's decoder has it.
macro_rules! zero_for_null {
    ($($method:ident => $visit:ident($zero:expr)),+ $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.located(if self.value.is_null() { visitor.$visit($zero) } else { self.visit(visitor) })
        })+
    };
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.located(self.visit(visitor))
    }

    zero_for_null! {
        deserialize_bool => visit_bool(false),
        deserialize_i32 => visit_i32(0),
        deserialize_i64 => visit_i64(0),
        deserialize_str => visit_str(""),
        deserialize_string => visit_str(""),
        deserialize_seq => visit_seq(SeqDeserializer::<_, Fault>::new(std::iter::empty::<Reader<'_>>())),
        deserialize_map => visit_map(MapDeserializer::<_, Fault>::new(std::iter::empty::<(&str, Reader<'_>)>())),
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.value.is_null() {
            return visitor.visit_none();
        }
        // The value notes its step when it is read itself.
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.value.is_array() {
            // serde would read a list as the fields in their order.
            return self.located(Err(de::Error::invalid_type(de::Unexpected::Seq, &"a map")));
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        if name.starts_with("$serde_json::") {
            // Raw JSON text, which only serde_json itself can hand out; nothing can mismatch in it.
            return self
                .value
                .clone()
                .deserialize_newtype_struct(name, visitor)
                .map_err(|_| Fault { steps: Vec::new(), message: "cannot be kept as JSON".to_owned() });
        }
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kubernetes::StatefulSet;

    fn mismatch(value: &Value) -> String {
        read::<StatefulSet>(value).expect_err("the object is wrong").to_string()
    }

    #[test]
    fn names_the_place_of_a_wrong_type_and_never_the_value() {
        let text = mismatch(&json!({"spec": {"replicas": "hunter2"}}));
        assert_eq!(text, "/spec/replicas is text, but must be a whole number (a number or boolean must not be quoted)");
        let env = json!([{"name": "A", "value": "x"}, {"name": "PASSWORD", "value": 12_345}]);
        let text = mismatch(&json!({"spec": {"template": {"spec": {"containers": [{"name": "db", "env": env}]}}}}));
        assert_eq!(
            text,
            "/spec/template/spec/containers/0/env/1/value is a number, but must be text (quote it if text is meant)"
        );
    }

    #[test]
    fn refuses_a_list_where_an_object_belongs() {
        assert_eq!(mismatch(&json!({"spec": []})), "/spec is a list, but must be a mapping");
        assert_eq!(mismatch(&json!(["a"])), "the object is a list, but must be a mapping");
    }

    #[test]
    fn reads_null_as_the_zero_value() {
        let set: StatefulSet = read(&json!({
            "metadata": {"labels": {"app": null}, "managedFields": [{"manager": "kubectl"}]},
            "spec": {"replicas": null, "template": {"spec": {"containers": [null]}}}
        }))
        .expect("null is no mismatch");
        assert_eq!(set.metadata.labels["app"], "");
        assert!(set.metadata.managed_fields.is_some_and(|raw| raw.get().contains("kubectl")));
        assert_eq!(set.spec.replicas, None);
        assert_eq!(set.spec.template.spec.containers.len(), 1);
    }

    #[test]
    fn refuses_numbers_out_of_range_and_with_a_fraction() {
        assert_eq!(
            mismatch(&json!({"spec": {"replicas": 3_000_000_000_i64}})),
            "/spec/replicas is out of range for i32"
        );
        assert_eq!(
            mismatch(&json!({"spec": {"replicas": 1.5}})),
            "/spec/replicas is a number with a fraction, but must be a whole number"
        );
    }
}
