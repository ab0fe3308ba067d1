//! Values that cross the border in both directions: names of choices, limits,
//! objects.

use std::time::Duration;

use napi_derive::napi;
use popmail::pop3::Refusal;
use popmail::{AuthChoice, Limits, Security, ServerLimits};

use crate::error::{Refused, argument};

/// A JavaScript object with these properties.
macro_rules! object {
    ($env:expr, { $($name:literal: $value:expr),* $(,)? }) => {{
        let mut object = napi::bindgen_prelude::Object::new($env)?;
        $(napi::bindgen_prelude::JsObjectValue::set_c_named_property(&mut object, $name, $value)?;)*
        object
    }};
}
pub(crate) use object;

/// `"implicit"`, `"starttls"` or `"none"`.
pub fn security(name: &str) -> Result<Security, Refused> {
    match name {
        "implicit" => Ok(Security::Implicit),
        "starttls" => Ok(Security::StartTls),
        "none" => Ok(Security::None),
        _ => Err(argument(format!(
            "tls must be 'implicit', 'starttls' or 'none', got {name:?}"
        ))),
    }
}

/// `"auto"` or the name of a mechanism.
pub fn auth_choice(name: &str) -> Result<AuthChoice, Refused> {
    AuthChoice::NAMES
        .into_iter()
        .find_map(|(known, choice)| (known == name).then_some(choice))
        .ok_or_else(|| {
            let names = AuthChoice::NAMES.map(|(name, _)| name).join("', '");
            argument(format!("auth must be one of '{names}', got {name:?}"))
        })
}

/// The reason of a refusal, by its name in the core.
pub fn refusal(name: &str) -> Result<Refusal, Refused> {
    let known = Refusal::ALL.iter().copied();
    known
        .clone()
        .find(|refusal| refusal.as_str() == name)
        .ok_or_else(|| {
            let names: Vec<&str> = known.map(Refusal::as_str).collect();
            let names = names.join("', '");
            argument(format!("refusal must be one of '{names}', got {name:?}"))
        })
}

/// Milliseconds as JavaScript counts them; what is too long is without end.
pub fn duration(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds.max(0.0) / 1e3).unwrap_or(Duration::MAX)
}

/// The way back; `None` is without end.
pub fn milliseconds(duration: Duration) -> Option<f64> {
    (duration < FOREVER).then_some(duration.as_secs_f64() * 1e3)
}

/// A number of JavaScript, which the face has checked to be whole and not
/// below 0.
pub trait Whole {
    fn whole(number: f64) -> Self;
}

macro_rules! whole {
    ($($type:ty),*) => {
        $(impl Whole for $type {
            fn whole(number: f64) -> Self { number as Self }
        })*
    };
}

whole!(u32, u64, i64, usize);

macro_rules! limits {
    ($object:ident for $type:ident: $($name:ident),*; $($time:ident),* $(,)?) => {
        #[napi(object, object_to_js = false)]
        #[derive(Default)]
        pub struct $object {
            $(pub $name: Option<f64>,)*
            $(pub $time: Option<f64>,)*
        }

        impl $object {
            pub fn limits(&self) -> $type {
                let mut limits = $type::default();
                $(if let Some(value) = self.$name { limits.$name = Whole::whole(value); })*
                $(if let Some(value) = self.$time { limits.$time = duration(value); })*
                limits
            }
        }
    };
}

limits! {
    LimitsObject for Limits:
    command_line, status_line, listing_line, listing_entries, listing_octets, capability_line,
    capability_lines, challenge, rounds, buffered_content, window_commands, window_octets,
    prefetch_octets, login_patience;
}

limits! {
    ServerLimitsObject for ServerLimits:
    command_line, sasl_response, waiting_input, waiting_output, bad_commands_before_login,
    bad_commands, commands_before_login, failed_logins;
    bad_command_delay, failed_login_delay, login_timeout, login_time, session_time, autologout,
}

/// More than a century: no end.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
