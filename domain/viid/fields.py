"""The field tables of GA/T 1400.3 as the reference gives them: name, type, and whether it must stand.

R: always. C: in what is captured by itself, so in all that we send. Optional otherwise. Types: ``id20`` … digits;
``time``; ``int``, ``float``, ``bool``; ``str`` and its greatest length; ``base64``; ``any``; a name: an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Field(msgspec.Struct, frozen=True):
    """A row of a table."""

    name: str
    type: str
    need: str = ""  # R, C or nothing


def _table(text: str) -> tuple[Field, ...]:
    rows = (line.split() for line in text.strip().splitlines())
    return tuple(Field(*row) for row in rows)


_BOX = """
DeviceID id20 C
LeftTopX int C
LeftTopY int C
RightBtmX int C
RightBtmY int C
SubImageList SubImageList C
"""
_TIMES = """
MarkTime time
AppearTime time
DisappearTime time
"""
_TRI_STATE = """
IsDriver int C
IsForeigner int C
IsSuspectedTerrorist int C
IsCriminalInvolved int C
IsDetainees int C
IsVictim int C
IsSuspiciousPerson int C
"""
_IDENTITY = """
IDType str3
IDNumber str30
Name str50
UsedName str50
Alias str50
GenderCode str1
AgeUpLimit int
AgeLowerLimit int
EthicCode str2
NationalityCode str3
NativeCityCode str6
ResidenceAdminDivision str6
ChineseAccentCode str6
"""
_WHO_REMOVED = """
DispositionRemoveOrg str100
DispositionRemovePerson str50
DispositionRemoveTime time
DispositionRemoveReason str64
"""

TABLES: Mapping[str, tuple[Field, ...]] = MappingProxyType(
    {
        name: _table(text)
        for name, text in {
            "MotorVehicle": f"""
MotorVehicleID id48 R
InfoKind int R
SourceID id41 R
TollgateID id20
StorageUrl1 str256 R
StorageUrl2 str256
StorageUrl3 str256
StorageUrl4 str256
StorageUrl5 str256
{_TIMES.strip()}
PassTime time R
LaneNo int C
HasPlate bool R
PlateClass str2 R
PlateColor str2 R
PlateNo str15 R
PlateNoAttach str15
PlateDescribe str64
IsDecked bool
IsAltered bool
IsCovered bool
Speed float
Direction str1
VehicleClass str3
VehicleBrand str3
VehicleModel str32
VehicleStyles str16
VehicleLength int
VehicleWidth int
VehicleHeight int
VehicleColor str2 R
VehicleColorDepth str1
NumOfPassenger int
Sunvisor int
SafetyBelt int
Calling int
NameOfPassedRoad str64
PlateReliability str3
PlateCharReliability str64
BrandReliability str3
{_BOX.strip()}""",
            "NonMotorVehicle": f"""
NonMotorVehicleID id48 R
InfoKind int R
SourceID id41 R
{_TIMES.strip()}
HasPlate bool
PlateClass str2
PlateColor str2
PlateNo str15
Speed float
VehicleBrand str32
VehicleType str64
VehicleLength int
VehicleWidth int
VehicleHeight int
VehicleColor str2
{_BOX.strip()}""",
            "Person": f"""
PersonID id48 R
InfoKind int R
SourceID id41 R
LocationMarkTime time
PersonAppearTime time
PersonDisAppearTime time
{_IDENTITY.strip()}
HeightUpLimit int
HeightLowerLimit int
BodyType str2
AccompanyNumber int
{_TRI_STATE.strip()}
{_BOX.strip()}""",
            "Face": f"""
FaceID id48 R
InfoKind int R
SourceID id41 R
LocationMarkTime time
FaceAppearTime time
FaceDisAppearTime time
ShotTime time
{_IDENTITY.strip()}
Attitude int
Similaritydegree float
{_TRI_STATE.strip()}
{_BOX.strip()}""",
            "Image": """
ImageInfo ImageInfo R
PersonList any
FaceList any
MotorVehicleList any
NonMotorVehicleList any
ThingList any
SceneList any
Data base64 C
""",
            "ImageInfo": """
ImageID id41 R
InfoKind int R
ImageSource str2
EventSort int C
DeviceID id20 C
StoragePath str256
FileHash str64
FileFormat str6 R
ShotTime time R
Title str128
ContentDescription str1024
ShotPlaceCode str6
ShotPlaceFullAdress str100
ShotPlaceLongitude float
ShotPlaceLatitude float
SecurityLevel str1
Width int R
Height int R
QualityGrade str1
FileSize int
""",
            "SubImageList": "SubImageInfoObject SubImageInfo[] R",
            "SubImageInfo": """
ImageID id41 R
EventSort int C
DeviceID id20 R
StoragePath str256
Type str3 R
FileFormat str6 R
ShotTime time C
Width int R
Height int R
Data base64
""",
            "APE": """
ApeID id20 R
Name str100 R
Model str100 R
IPAddr str30 R
IPV6Addr str64
Port int R
Longitude float R
Latitude float R
PlaceCode str6 R
Place str256
OrgCode str12
CapDirection int
MonitorDirection str1
MonitorAreaDesc str256
IsOnline int R
OwnerApsID id20
FunctionType str16 R
PositionType str16
""",
            "APS": """
ApsID id20 R
Name str100 R
IPAddr str30 R
IPV6Addr str64
Port int R
IsOnline int R
""",
            "APEStatus": """
ApeID id20 R
IsOnline int R
CurrentTime time R
""",
            "Tollgate": """
TollgateID id20 R
Name str100 R
Longitude float R
Latitude float R
PlaceCode str6 R
Place str256
Status int R
TollgateCat str2 R
TollgateUsage str2 R
LaneNum int
OrgCode str12
ActiveTime time
""",
            "Lane": """
TollgateID id20 R
LaneId int R
LaneNo int R
Name str100 R
Direction str1 R
Desc str256
MaxSpeed int
CityPass int
ApeID id20
""",
            "Subscribe": """
SubscribeID id33 R
Title str256 R
SubscribeDetail str256 R
ResourceClass int
ResourceURI str256 R
ApplicantName str50
ApplicantOrg str100
BeginTime time R
EndTime time R
ReceiveAddr str256 R
ReportInterval int
Reason str256
OperateType int
SubscribeStatus int
SubscribeCancelOrg str100
SubscribeCancelPerson str50
CancelTime time
CancelReason str64
ResultImageDeclare any
ResultFeatureDeclare any
TabID str64
""",
            "SubscribeNotification": """
NotificationID id33 R
SubscribeID id33 R
Title str256 R
TriggerTime time R
InfoIDs str1024 R
ExecuteOperation int
MotorVehicleObjectList MotorVehicle{}
NonMotorVehicleObjectList NonMotorVehicle{}
PersonObjectList Person{}
FaceObjectList Face{}
TollgateObjectList Tollgate{}
LaneObjectList Lane{}
DeviceList APE{}
DeviceStatusList APEStatus{}
""",
            "Disposition": f"""
DispositionID id33 R
Title str256 R
DispositionCategory str2 R
TargetFeature str256
TargetImageURI str256
PriorityLevel int
ApplicantName str50 R
ApplicantInfo str128
ApplicantOrg str100 R
BeginTime time R
EndTime time R
CreatTime time
OperateType int R
DispositionStatus int
DispositionRange str1
TollgateList any
DispositionArea str256
ReceiveAddr str256
ReceiveMobile str256
Reason str256
{_WHO_REMOVED.strip()}
SubImageList SubImageList
""",
            "DispositionNotification": """
NotificationID id33 R
DispositionID id33 R
Title str256 R
TriggerTime time R
CntObjectID id48 R
MotorVehicleObject MotorVehicle
NonMotorVehicleObject NonMotorVehicle
PersonObject Person
FaceObject Face
""",
            "Register": "DeviceID id20 R\nProtocolVersion str16",
            "UnRegister": "DeviceID id20 R",
            "Keepalive": "DeviceID id20 R",
            "SystemTime": """
VIIDServerID str20 R
TimeMode str2 R
LocalTime str32 R
TimeZone str64 R
RequestURL str256
""",
            "ResponseStatus": """
RequestURL str256
StatusCode int R
StatusString str256
Id str64
LocalTime str32
""",
        }.items()
    }
)

_ROWS = {name: {row.name: row for row in rows} for name, rows in TABLES.items()}  # asked for every field that is sent

# What never leaves, whatever a mapping says: access to a camera, and what a face measures.
NEVER_SENT = frozenset({"Password", "UserId", "FeatureList", "FeatureInfoObject"})


def field_of(name: str, field: str) -> Field | None:
    """The row of a field in an object's table; None where it has none."""
    return _ROWS[name].get(field)
