from typing import Any

import pytest
from rest_framework import serializers

from nocturnal_project.api import StrictSerializer
from nocturnal_project.problems import _input_errors


class Line(serializers.Serializer[Any]):
    amount = serializers.IntegerField(max_value=9)


class Order(StrictSerializer):
    lines = Line(many=True, required=False)
    note = serializers.DictField(child=serializers.IntegerField(), required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=3), required=False)
    ship = Line(required=False)

    def validate(self, attrs: Any) -> Any:
        if attrs.get("tags") == ["a", "a"]:
            raise serializers.ValidationError("Twice the same.", code="duplicate")
        return attrs


def places(body: object) -> list[tuple[str, str]]:
    """Where the order is wrong, and the code of what is wrong there."""
    order = Order(data=body)
    with pytest.raises(serializers.ValidationError) as caught:
        order.is_valid(raise_exception=True)
    return [(error["pointer"], error["code"]) for error in _input_errors(caught.value.get_full_details(), pointer="#")]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"ship": {"amount": 10}}, "#/ship/amount", "max_value"),
        ({"ship": {}}, "#/ship/amount", "required"),
        ({"lines": [{"amount": 1}, {"amount": 10}]}, "#/lines/1/amount", "max_value"),
        ({"tags": ["abc", "abc", "abcd"]}, "#/tags/2", "max_length"),
        ({"tags": "abc"}, "#/tags", "not_a_list"),
        ({"note": {"a/b": "x"}}, "#/note/a~1b", "invalid"),
        ({"note": {"a~b": "x"}}, "#/note/a~0b", "invalid"),
        ({"note": {"~1/": "x"}}, "#/note/~01~1", "invalid"),
        ({"tags": ["a", "a"]}, "#", "duplicate"),
        ([], "#", "invalid"),
        ({"colour": 1}, "#/colour", "unknown_field"),
    ],
)
def test_each_error_points_to_its_place(body: object, pointer: str, code: str) -> None:
    assert places(body) == [(pointer, code)]


def test_every_place_is_named_at_once() -> None:
    assert places({"ship": {"amount": 10}, "lines": [{}, {"amount": "x"}]}) == [
        ("#/lines/0/amount", "required"),
        ("#/lines/1/amount", "invalid"),
        ("#/ship/amount", "max_value"),
    ]


def test_fields_that_are_called_as_an_errors_own_members_are_still_fields() -> None:
    assert places({"message": 1, "code": 2}) == [("#/code", "unknown_field"), ("#/message", "unknown_field")]
