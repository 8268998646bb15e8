"""Serializer fields with the server's own habits (contract §3, §5). Know one value at a time, never the whole row."""

from typing import Any, ClassVar

from rest_framework import serializers

INT32_MIN, INT32_MAX = -2147483648, 2147483647


class Int32(serializers.IntegerField):
    """A whole number PostgreSQL can hold."""

    def __init__(self, *, min_value: int = INT32_MIN, **kwargs: Any) -> None:
        """Bounded on both sides."""
        super().__init__(min_value=min_value, max_value=INT32_MAX, **kwargs)


class Instant(serializers.DateTimeField):
    """A moment in UTC."""

    def to_internal_value(self, value: Any) -> Any:
        """Refuse 24:00, which newer Pythons read as the next midnight and the server does not."""
        if isinstance(value, str) and value[11:13] == "24":
            self.fail("invalid", format="YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]")
        return super().to_internal_value(value)


class IdSet(serializers.Field[Any, Any, Any, Any]):
    """A list of ids that means a set; every mistake in it is reported about the field as a whole."""

    default_error_messages: ClassVar = {"invalid": "Expected a list of insight ids."}

    def to_internal_value(self, data: Any) -> list[int]:
        """The ids, each once."""
        if not isinstance(data, list) or any(isinstance(item, bool) or not isinstance(item, int) for item in data):
            self.fail("invalid")
        return list(dict.fromkeys(data))

    def to_representation(self, value: list[int]) -> list[int]:
        """The ids in no order one could rely on, as the server gives them; sorted where the row itself is asked for."""
        ids = sorted(value)
        if not self.context.get("unmasked"):
            self.context["situation"].world.random.shuffle(ids)
        return ids


class Person(serializers.Serializer[Any]):
    """Whoever made a row."""

    id = serializers.IntegerField(read_only=True)
    uuid = serializers.UUIDField(read_only=True)
    distinct_id = serializers.CharField(read_only=True)
    first_name = serializers.CharField(read_only=True)
    last_name = serializers.CharField(read_only=True)
    email = serializers.CharField(read_only=True)
    is_email_verified = serializers.BooleanField(read_only=True)
    hedgehog_config = serializers.JSONField(read_only=True)


class LaterPerson(Person):
    """The same on later servers."""

    role_at_organization = serializers.CharField(read_only=True)
