namespace Twin.Wire.Mqtt;

/// <summary>Protocol levels this codec speaks; the numbers are those on the wire.</summary>
public enum MqttVersion : byte
{
    /// <summary>MQTT 3.1.1 (OASIS, 2014).</summary>
    V311 = 4,
    /// <summary>MQTT 5.0 (OASIS, 2019).</summary>
    V5 = 5,
}

/// <summary>Control packet types, MQTT 5.0 clause 2.1.2.</summary>
public enum MqttPacketType : byte
{
    /// <summary>Client asks to connect.</summary>
    Connect = 1,
    /// <summary>Server's answer.</summary>
    ConnAck = 2,
    /// <summary>A message.</summary>
    Publish = 3,
    /// <summary>QoS 1 answer.</summary>
    PubAck = 4,
    /// <summary>QoS 2, step 1.</summary>
    PubRec = 5,
    /// <summary>QoS 2, step 2.</summary>
    PubRel = 6,
    /// <summary>QoS 2, step 3.</summary>
    PubComp = 7,
    /// <summary>Subscribe request.</summary>
    Subscribe = 8,
    /// <summary>Subscribe answer.</summary>
    SubAck = 9,
    /// <summary>Unsubscribe request.</summary>
    Unsubscribe = 10,
    /// <summary>Unsubscribe answer.</summary>
    UnsubAck = 11,
    /// <summary>Are you there.</summary>
    PingReq = 12,
    /// <summary>I am.</summary>
    PingResp = 13,
    /// <summary>Either side leaves.</summary>
    Disconnect = 14,
    /// <summary>Enhanced authentication; refused here.</summary>
    Auth = 15,
}

/// <summary>Reason codes, MQTT 5.0 clause 2.4. Below 0x80 is success.</summary>
public enum MqttReason : byte
{
    /// <summary>Success, normal disconnection, granted QoS 0.</summary>
    Success = 0x00,
    /// <summary>Granted QoS 1.</summary>
    GrantedQos1 = 0x01,
    /// <summary>Granted QoS 2.</summary>
    GrantedQos2 = 0x02,
    /// <summary>The client leaves but wants its will published.</summary>
    DisconnectWithWill = 0x04,
    /// <summary>Nobody subscribes to that topic.</summary>
    NoMatchingSubscribers = 0x10,
    /// <summary>There was no such subscription.</summary>
    NoSubscriptionExisted = 0x11,
    /// <summary>Unspecified error.</summary>
    Unspecified = 0x80,
    /// <summary>The packet does not follow the specification.</summary>
    MalformedPacket = 0x81,
    /// <summary>The packet is well formed but not allowed now.</summary>
    ProtocolError = 0x82,
    /// <summary>Valid, but not accepted by this implementation.</summary>
    ImplementationSpecific = 0x83,
    /// <summary>The protocol level is not spoken here.</summary>
    UnsupportedVersion = 0x84,
    /// <summary>The client identifier is not allowed.</summary>
    ClientIdNotValid = 0x85,
    /// <summary>Wrong user name or password.</summary>
    BadUserNameOrPassword = 0x86,
    /// <summary>Not allowed.</summary>
    NotAuthorized = 0x87,
    /// <summary>Server unavailable.</summary>
    ServerUnavailable = 0x88,
    /// <summary>Server busy.</summary>
    ServerBusy = 0x89,
    /// <summary>Banned.</summary>
    Banned = 0x8A,
    /// <summary>The server goes down.</summary>
    ServerShuttingDown = 0x8B,
    /// <summary>Enhanced authentication is not offered.</summary>
    BadAuthenticationMethod = 0x8C,
    /// <summary>Silent for 1.5 keep-alive intervals.</summary>
    KeepAliveTimeout = 0x8D,
    /// <summary>Another connection took the session.</summary>
    SessionTakenOver = 0x8E,
    /// <summary>The filter is not valid.</summary>
    TopicFilterInvalid = 0x8F,
    /// <summary>The topic is not accepted.</summary>
    TopicNameInvalid = 0x90,
    /// <summary>The packet identifier is in use.</summary>
    PacketIdInUse = 0x91,
    /// <summary>The packet identifier is not known.</summary>
    PacketIdNotFound = 0x92,
    /// <summary>More unacknowledged messages than allowed.</summary>
    ReceiveMaximumExceeded = 0x93,
    /// <summary>Topic alias 0 or above the maximum, or unknown.</summary>
    TopicAliasInvalid = 0x94,
    /// <summary>Larger than the maximum packet size.</summary>
    PacketTooLarge = 0x95,
    /// <summary>Messages come too fast.</summary>
    MessageRateTooHigh = 0x96,
    /// <summary>A bound was reached.</summary>
    QuotaExceeded = 0x97,
    /// <summary>Disconnected by an operator.</summary>
    AdministrativeAction = 0x98,
    /// <summary>The payload is not what its format says.</summary>
    PayloadFormatInvalid = 0x99,
    /// <summary>Retained messages are not accepted.</summary>
    RetainNotSupported = 0x9A,
    /// <summary>The QoS is not offered.</summary>
    QosNotSupported = 0x9B,
    /// <summary>Shared subscriptions are not offered.</summary>
    SharedSubscriptionsNotSupported = 0x9E,
    /// <summary>Connections come too fast.</summary>
    ConnectionRateExceeded = 0x9F,
    /// <summary>Wildcards are not offered.</summary>
    WildcardsNotSupported = 0xA2,
}

/// <summary>Property identifiers, MQTT 5.0 clause 2.2.2.2.</summary>
public enum MqttProperty : byte
{
    /// <summary>Byte: 1 means the payload is UTF-8.</summary>
    PayloadFormat = 0x01,
    /// <summary>Four bytes: seconds.</summary>
    MessageExpiry = 0x02,
    /// <summary>Text.</summary>
    ContentType = 0x03,
    /// <summary>Text: where to answer.</summary>
    ResponseTopic = 0x08,
    /// <summary>Binary: handed back with the answer.</summary>
    CorrelationData = 0x09,
    /// <summary>Variable integer: which subscription matched.</summary>
    SubscriptionId = 0x0B,
    /// <summary>Four bytes: seconds.</summary>
    SessionExpiry = 0x11,
    /// <summary>Text.</summary>
    AssignedClientId = 0x12,
    /// <summary>Two bytes: seconds.</summary>
    ServerKeepAlive = 0x13,
    /// <summary>Text.</summary>
    AuthenticationMethod = 0x15,
    /// <summary>Binary.</summary>
    AuthenticationData = 0x16,
    /// <summary>Byte.</summary>
    RequestProblemInformation = 0x17,
    /// <summary>Four bytes: seconds.</summary>
    WillDelay = 0x18,
    /// <summary>Byte.</summary>
    RequestResponseInformation = 0x19,
    /// <summary>Text.</summary>
    ResponseInformation = 0x1A,
    /// <summary>Text.</summary>
    ServerReference = 0x1C,
    /// <summary>Text for people.</summary>
    ReasonString = 0x1F,
    /// <summary>Two bytes.</summary>
    ReceiveMaximum = 0x21,
    /// <summary>Two bytes.</summary>
    TopicAliasMaximum = 0x22,
    /// <summary>Two bytes.</summary>
    TopicAlias = 0x23,
    /// <summary>Byte.</summary>
    MaximumQos = 0x24,
    /// <summary>Byte.</summary>
    RetainAvailable = 0x25,
    /// <summary>Text pair; may repeat.</summary>
    UserProperty = 0x26,
    /// <summary>Four bytes.</summary>
    MaximumPacketSize = 0x27,
    /// <summary>Byte.</summary>
    WildcardAvailable = 0x28,
    /// <summary>Byte.</summary>
    SubscriptionIdAvailable = 0x29,
    /// <summary>Byte.</summary>
    SharedAvailable = 0x2A,
}

/// <summary>The other side broke the protocol; the connection ends with <see cref="Reason"/>.</summary>
public sealed class MqttProtocolException(MqttReason reason, string message) : Exception(message)
{
    /// <summary>What to tell it.</summary>
    public MqttReason Reason { get; } = reason;
}
