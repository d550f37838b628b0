//! Fault rules for deliveries: more than once, late, or after later events. `EventBridge` guarantees at least one
//! delivery and no order (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-delivery-guarantees.html>), so
//! all of these are possible.

use std::sync::Arc;

use sandbox_core::faults::{Call, DELIVER, DeliveryChange, Ending, Faults, Names, Service};

use super::{Bus, delivery::Delivery, start::Start};

impl Bus {
    /// Starts a delivery with its faults.
    pub(super) fn begin(self: Arc<Self>, delivery: Delivery) {
        match plan(&self.faults, &delivery) {
            Ending::Delivery(DeliveryChange::Repeated { copies }) => {
                for _ in 0..copies {
                    Arc::clone(&self).spawn_new(delivery.duplicate(), Start::AtOnce);
                }
                self.spawn_new(delivery, Start::AtOnce);
            }
            Ending::Delivery(DeliveryChange::Late(time)) => self.spawn_new(delivery, Start::After(time)),
            Ending::Delivery(DeliveryChange::Overtaken { by, rule }) => {
                self.spawn_new(delivery, Start::AfterLaterEvents { by, rule });
            }
            _ => self.spawn_new(delivery, Start::AtOnce),
        }
    }
}

fn plan(faults: &Faults, delivery: &Delivery) -> Ending {
    let text = |pointer: &str| delivery.event.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
    let function = delivery.target.function();
    let call = Call {
        bucket: text("/detail/bucket/name"),
        key: text("/detail/object/key"),
        function: function.map(|name| Names { name, crate_name: name }),
        ..Call::new(Service::Events, DELIVER)
    };
    faults.plan(&call).ending
}
