import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from nocturnal_project.costs import chart, report
from nocturnal_project.costs.estimate import MOST_PODS, NotASchedule, estimate, mean_pods, read_schedule
from nocturnal_project.costs.prices import PRICES, NotPrices, read_prices

_MATPLOTLIB = "Drawing needs matplotlib: install what requirements/tools.txt pins, or leave out --chart."
_MOST_TB = 1_000_000


class Command(BaseCommand):
    help = (
        "Estimate what a month costs: each line, fixed and variable, for a number of pods or a day's schedule of them, "
        "against as many pods as are allowed at all hours, and with Spot and reserved prices. The prices are one file, "
        "with its date and source; its document's claims are checked. Exit code: 0 done, 1 wrong use."
    )
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        pods = parser.add_mutually_exclusive_group()
        pods.add_argument("--pods", type=int, metavar="N", help="at all hours (default: the fewest that are allowed)")
        pods.add_argument("--schedule", metavar="0-8:3,8-20:10,20-24:5", help="pods by hour of the day, all 24")
        parser.add_argument("--storage-tb", type=float, default=1.0, metavar="TB", help="of files (default 1)")
        parser.add_argument("--spot", action="store_true", help="pods at Spot prices, which may be taken away")
        parser.add_argument("--reserved", action="store_true", help="with what can be reserved for a year")
        parser.add_argument("--prices", type=Path, default=PRICES, metavar="FILE.json", help="other prices")
        parser.add_argument("--json", action="store_true", help="as JSON")
        parser.add_argument("--chart", type=Path, metavar="OUT.png", help="draw the cost against the load")

    def handle(self, *args: Any, pods: int | None, schedule: str | None, **options: Any) -> None:
        if options["chart"] and not chart.can_draw():
            raise CommandError(_MATPLOTLIB)
        if not 0 <= options["storage_tb"] <= _MOST_TB:
            raise CommandError(f"--storage-tb takes a number from 0 to {_MOST_TB:,}.")
        if pods is not None and not 1 <= pods <= MOST_PODS:
            raise CommandError(f"--pods takes a number from 1 to {MOST_PODS:,}.")
        try:
            prices = read_prices(options["prices"])
            mean = mean_pods(read_schedule(schedule)) if schedule else float(pods or prices.pods_min)
        except NotPrices as error:
            raise CommandError(f"{options['prices'].name}: {error}.") from None
        except NotASchedule as error:
            raise CommandError(f"--schedule: {error}.") from None
        how = {name: options[name] for name in ("storage_tb", "spot", "reserved")}
        data = report.as_data(prices, estimate(prices, pods=mean, **how), **how)
        text = json.dumps(data, indent=2) if options["json"] else "\n".join(report.as_text(data))
        self.stdout.write(text)
        if options["chart"]:
            try:
                chart.draw(prices, options["chart"], **how)
            except OSError as error:
                raise CommandError(f"{options['chart']} cannot be written: {error.strerror}.") from None
            self.stderr.write(f"Drawn: {options['chart']}")
