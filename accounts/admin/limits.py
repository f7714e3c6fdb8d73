"""Where a user stands under the rate limits, on their page in the admin."""

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.panels import Panel, shown_time, user_panel
from accounts.models import User
from ratelimits.admin.permissions import may_see
from ratelimits.selectors import PolicyStanding, standings_of_user
from ratelimits.templatetags.ratelimits_tags import counted, held_because


@user_panel
def limit_panel(request: HttpRequest, user: User) -> Panel | None:
    """Show how each policy holds the user, and tries at the account; asking charges nobody."""
    if not may_see(request):
        return None
    return Panel(
        title="Limits",
        headers=("Policy", "Mode", "Used", "Why", "Until"),
        rows=[_row(standing) for standing in standings_of_user(user.pk, email=user.email)],
        nothing="Nothing counts against this user.",
        link=f"{reverse('rate_limits')}?{urlencode({'q': user.email})}",
        link_text="All limits",
    )


def _row(standing: PolicyStanding) -> tuple[str, ...]:
    policy = standing.policy.name + (", the account" if standing.at_account else "")
    return policy, standing.mode.title(), counted(standing), held_because(standing), shown_time(standing.until)
